// What the pages share: calls to the API, problems shown where they belong, and a few ways to make elements.

/** A problem as the API tells it (RFC 9457), or one of the same shape when the API could not be reached. */
export class Problem extends Error {
	constructor(status, body, retryAfter = null) {
		super(body.detail || body.title || "Something went wrong.");
		this.status = status;
		this.code = body.code ?? "unavailable";
		this.errors = body.errors ?? [];
		this.requestId = body.request_id ?? null;
		this.retryAfter = retryAfter;
	}
}

const unreachable = { code: "unreachable", detail: "The portal cannot be reached. Check your connection and try again." };

/** Read an answer's text as the object it holds, or as a problem. */
export function readAnswer(status, text, retryAfter = null) {
	let body = null;
	try {
		body = text ? JSON.parse(text) : null;
	} catch {
		body = null;
	}
	if (status >= 200 && status < 300) return body;
	return new Problem(status, status ? (body ?? { detail: "The portal gave an answer that this page does not understand." }) : unreachable, retryAfter);
}

/** Call the API with the session's cookie; answers the body, throws a Problem. */
export async function call(method, path, body = undefined) {
	const headers = { Accept: "application/json" };
	if (body !== undefined) headers["Content-Type"] = "application/json";
	let status = 0;
	let text = "";
	let retryAfter = null;
	try {
		const answer = await fetch(path, {
			method, headers, credentials: "same-origin", cache: "no-store", redirect: "error",
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		status = answer.status;
		retryAfter = Number(answer.headers.get("Retry-After")) || null;
		text = await answer.text();
	} catch {
		status = 0;
	}
	const result = readAnswer(status, text, retryAfter);
	if (result instanceof Problem) throw result;
	return result;
}

/** Every object of a list, page by page. */
export async function callAll(path) {
	const all = [];
	let cursor = null;
	do {
		const page = await call("GET", withQuery(path, { limit: 100, cursor }));
		all.push(...page.data);
		cursor = page.next_cursor;
	} while (cursor);
	return all;
}

/** path?a=1&b=2, without the parameters that are null. */
export function withQuery(path, query) {
	const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
	return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** Make an element; attributes as they are written in HTML, children as elements or text. */
export function make(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
		else if (value === true) element.setAttribute(key, "");
		else if (value !== false && value !== null) element.setAttribute(key, value);
	}
	element.append(...children.filter((child) => child !== null));
	return element;
}

export const byId = (id) => document.getElementById(id);

/** Show a notice in place of the one before; `kind` is "", "bad" or "good". A bad one is read out at once. */
export function notice(text, kind = "", ...more) {
	const place = byId("notice");
	place.replaceChildren(make("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : "status", tabindex: "-1" }, make("p", {}, text), ...more));
	return place.firstChild;
}

/** Tell those who listen rather than look. */
export function say(text) {
	byId("said").textContent = text;
}

function clearFaults(form) {
	for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
	for (const fault of form.querySelectorAll(".fault")) fault.remove();
	for (const input of form.querySelectorAll("[data-hint]")) describe(input, input.dataset.hint);
	byId("notice").replaceChildren();
}

function describe(input, ids) {
	if (ids) input.setAttribute("aria-describedby", ids);
	else input.removeAttribute("aria-describedby");
}

function markField(input, message) {
	const id = `${input.id}-fault`;
	input.setAttribute("aria-invalid", "true");
	input.closest(".field").append(make("p", { class: "fault", id }, message));
	describe(input, `${input.dataset.hint ?? ""} ${id}`.trim());
}

/** Show a problem: what has a pointer to a field of the form stands at that field, the rest above the form. */
export function showProblem(problem, form = null) {
	const rest = [];
	let first = null;
	for (const { pointer, message } of problem.errors ?? []) {
		const input = form?.elements.namedItem(pointer.slice(1));
		if (input?.closest?.(".field:not([hidden])")) {
			markField(input, message);
			first ??= input;
		} else {
			rest.push(make("li", {}, message));
		}
	}
	const wait = problem.retryAfter ? ` Try again in ${problem.retryAfter} s.` : "";
	const box = notice(problem.message + wait, "bad", rest.length ? make("ul", {}, ...rest) : null);
	(first ?? box).focus();
}

/** Let `work` run when the form is sent, once at a time; its problems are shown at the form. */
export function onSubmit(form, work) {
	form.noValidate = true;
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const button = form.querySelector("button.main");
		if (button.disabled) return;
		clearFaults(form);
		const empty = [...form.elements].filter((input) => input.required && !input.value && !input.closest("[hidden]"));
		for (const input of empty) markField(input, input.dataset.missing ?? "Please fill this in.");
		if (empty.length) {
			empty[0].focus();
			return;
		}
		button.disabled = true;
		try {
			await work(Object.fromEntries(new FormData(form)));
		} catch (problem) {
			if (!(problem instanceof Problem)) throw problem;
			showProblem(problem, form);
		} finally {
			button.disabled = false;
		}
	});
}

/** The button beside a password that shows and hides it. */
export function passwordToggle(input, button) {
	button.addEventListener("click", () => {
		const show = input.type === "password";
		input.type = show ? "text" : "password";
		button.setAttribute("aria-pressed", String(show));
		button.textContent = show ? "Hide" : "Show";
		input.focus();
	});
}

const units = ["bytes", "kB", "MB", "GB", "TB"];
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export function showSize(bytes) {
	let unit = 0;
	while (bytes >= 1000 && unit < units.length - 1) {
		bytes /= 1000;
		unit++;
	}
	return `${number.format(bytes)} ${units[unit]}`;
}

export function showDate(text) {
	return date.format(new Date(text));
}
