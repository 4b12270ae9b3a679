// What follows once somebody has proved who they are: the page they wanted, the second factor, or waiting; and the mailed code.
import { byId, call, make, notice, onSubmit, showProblem } from "./api.js";

/** Where to go after signing in: an item page, or the start. */
export function nextPage(wanted) {
	return /^\/items\/([a-z]{3}_[0-9a-z]{26})?$/.test(wanted ?? "") ? wanted : "/items/";
}

/** A button that leads on, for a notice. */
export const way = (text, href) => make("p", {}, make("a", { class: "button", href }, text));

/** Go on from the answer to a sign-in. */
export function arrive(result, wanted = null) {
	if (result.state === "pending_verification") location.replace("/waiting");
	else if (result.session?.audience === "staff") notice("You are signed in. Go on in the firm's application.", "good").focus();
	else if (result.state === "signed_in") location.replace(nextPage(wanted));
	else askFactor(result.mfa_token, wanted);
}

/** The second factor, in place of the form that was sent. */
function askFactor(token, wanted) {
	for (const form of document.forms) form.hidden = true;
	const form = make("form", { class: "card" },
		make("div", { class: "field" }, make("label", { for: "factor" }, "Code from your authenticator app"),
			make("input", { id: "factor", name: "code", type: "text", autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false", maxlength: "20",
				required: true, "data-hint": "factor-hint", "aria-describedby": "factor-hint", "data-missing": "Please enter the code." }),
			make("p", { class: "hint", id: "factor-hint" }, "Without the app, one of your recovery codes.")),
		make("button", { class: "main wide", type: "submit" }, "Go on"));
	byId("notice").replaceChildren();
	byId("main").append(form);
	byId("factor").focus();
	onSubmit(form, async ({ code }) => {
		try {
			arrive(await call("POST", "/v1/auth/mfa", { mfa_token: token, code: code.trim(), transport: "cookie" }), wanted);
		} catch (problem) {
			if (problem.code !== "challenge_expired") throw problem;
			form.hidden = true;
			notice("That took too long, or too many tries. Sign in once more.", "bad", way("Sign in", "/signin")).focus();
		}
	});
}

/** Ask for a mail to sign in with, then for the code in it, in #code-form. Nobody is told whether the address is known. */
export async function signInByMail({ email, firm, wanted }) {
	const who = { email, ...(firm ? { firm } : {}) };
	await call("POST", "/v1/auth/magic_links", { audience: "portal", ...who });
	byId("form").hidden = true;
	byId("code-form").hidden = false;
	notice(`If somebody signs in here with ${email}, a mail is on its way. Open the link in it, or enter its code.`, "good",
		make("p", {}, make("button", { type: "button", class: "small", onclick: () => location.reload() }, "Start again")));
	byId("code").focus();
	onSubmit(byId("code-form"), async ({ code }) => {
		arrive(await call("POST", "/v1/auth/magic_links/redeem", { ...who, code, transport: "cookie" }), wanted);
	});
}

const CUT_OFF = "This link is not complete. Open it again from the mail, or copy the whole of it.";
const ENDS = {
	token_expired: "This link has expired.",
	token_used: "This link has been used already, or a newer one was sent.",
	not_found: CUT_OFF,
	invalid_code: CUT_OFF,
};

/** Say that a mailed link does not work any more, and what to do next; false when that is not what happened. */
export function showEnd(problem, ...next) {
	const text = ENDS[problem.code] ?? (problem.code === "validation_failed" && problem.errors.some((e) => e.pointer === "/token") ? CUT_OFF : null);
	byId("form").hidden = Boolean(text);
	if (text) notice(text, "bad", ...next).focus();
	return Boolean(text);
}

/** Run what a mailed link is for when the button is pressed, never before (pitfall P1). */
export function onLink(token, work, ...next) {
	const form = byId("form");
	const open = () => {
		byId("notice").replaceChildren();
		form.hidden = !token();
		if (!token()) showEnd({ code: "not_found" }, ...next);
	};
	onSubmit(form, async (fields) => {
		try {
			await work(fields);
		} catch (problem) {
			if (!showEnd(problem, ...next)) throw problem;
		}
	});
	addEventListener("hashchange", open);
	open();
}

/** Sign out, and say so. */
export async function leave() {
	try {
		await call("POST", "/v1/auth/logout");
	} catch (problem) {
		if (problem.status !== 401) {
			showProblem(problem);
			return;
		}
	}
	location.replace("/signin?ended=1");
}
