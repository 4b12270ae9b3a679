// Which firm a page is of, and its name and colour on the page.
import { byId, call, Problem, withQuery } from "./api.js";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** The id of the firm whose mail a token came in: its first 16 bytes. NULL when it is no token. */
export function firmOfToken(token) {
	let bytes;
	try {
		bytes = [...atob(token.replaceAll("-", "+").replaceAll("_", "/"))].map((char) => char.charCodeAt(0));
	} catch {
		return null;
	}
	if (bytes.length < 16) return null;
	let number = bytes.slice(0, 16).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
	let text = "";
	for (let i = 0; i < 26; i++) {
		text = DIGITS[Number(number & 31n)] + text;
		number >>= 5n;
	}
	return `frm_${text}`;
}

const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const light = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

/**
 * What a firm's colour becomes: the ground it was chosen for, the text that can be read on it (one of black and white
 * always has 4.58 to 1), and the nearest shade that can be read on white (5 to 1) for links, lines and edges.
 */
export function colours(hex) {
	if (!/^#[0-9a-f]{6}$/i.test(hex ?? "")) return null;
	const rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
	const on = contrast(light(rgb), 1) >= contrast(light(rgb), 0) ? "#fff" : "#000";
	let ink = rgb;
	while (contrast(light(ink), 1) < 5) ink = ink.map((value) => value * 0.95);
	return { "--accent": hex, "--on-accent": on, "--accent-ink": `rgb(${ink.map((value) => Math.floor(value * 255)).join(" ")})` };
}

/** Put the firm's name, colour and mark on the page, and remember whose it was. */
export function showFirm(firm) {
	byId("firm").textContent = firm.name;
	byId("mark").textContent = [...firm.name][0] ?? "";
	// By script, since the page's policy knows no style of an element.
	for (const [name, value] of Object.entries(colours(firm.accent_color) ?? {})) document.documentElement.style.setProperty(name, value);
	if (!document.title.endsWith(firm.name)) document.title = `${document.title} – ${firm.name}`;
	localStorage.setItem("firm", firm.slug);
}

async function ask(firm) {
	try {
		return await call("GET", withQuery("/v1/public/firm", { firm }));
	} catch (problem) {
		if (!(problem instanceof Problem)) throw problem;
		return problem;
	}
}

/**
 * The firm that the address names (?firm=) or the token tells of; else that of the host, or the only one; else the one that
 * was last seen here. Shown when it is found; null when it cannot be told.
 */
export async function findFirm(token = null) {
	const named = (token && firmOfToken(token)) ?? new URLSearchParams(location.search).get("firm");
	let found = named ? await ask(named) : new Problem(404, {});
	if (found instanceof Problem) found = await ask(null);
	const last = localStorage.getItem("firm");
	if (found.code === "firm_required" && last) found = await ask(last);
	if (found instanceof Problem) return null;
	showFirm(found);
	return found;
}

/**
 * What a form of a page does that may not know its firm: `work` gets the fields, with `firm` as the member that names it, or
 * none. When the firm cannot be told, or what was sent was refused, the field for its short name is there.
 */
export function withFirm(found, work) {
	return async (fields) => {
		const slug = fields.firm?.trim() || (await found)?.slug || "";
		try {
			await work({ ...fields, firm: slug ? { firm: slug } : {} });
		} catch (problem) {
			// One address of the portal may serve several firms.
			if (problem.code === "firm_required" || slug) byId("firm-field").hidden = false;
			if (byId("firm-name").value === "") byId("firm-name").value = slug;
			throw problem;
		}
	};
}
