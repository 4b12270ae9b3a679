// Accepts an invitation. The token stands in the fragment, which no server ever sees, and is spent only by the button.
import { byId, call, notice, onSubmit, passwordToggle, Problem, say, showProblem } from "./api.js";
import { arrive } from "./arrive.js";
import { findFirm, showFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1));
const form = byId("form");
let invited = "";
let asksPassword = false;

/** Whether another address was typed than that whose link this is. */
const isOther = () => byId("email").value.toLowerCase() !== invited.toLowerCase();

/** The password is for the address whose link this is; another one gets a link of its own. */
function settlePassword() {
	byId("password-field").hidden = !asksPassword || isOther();
}

const ENDS = {
	invitation_expired: "This invitation has expired. Ask the firm to send you a new one.",
	invitation_revoked: "This invitation was withdrawn. Ask the firm if you did not expect that.",
	invitation_used: "This invitation has been used already. If it was you, sign in.",
	not_found: "This link is not complete. Open it again from the mail, or copy the whole of it.",
};

function end(problem) {
	form.hidden = true;
	const signIn = document.createElement("a");
	signIn.href = "/signin";
	signIn.textContent = "Go to sign-in";
	const text = ENDS[problem.code];
	findFirm(token());
	if (text) notice(text, "bad", problem.code === "invitation_used" ? signIn : null).focus();
	else showProblem(problem);
}

function askPassword({ firm, credential, requires_password: required }) {
	const known = credential === "existing";
	asksPassword = required && credential !== "none";
	settlePassword();
	byId("password-label").textContent = known ? "Your password" : "Choose a password";
	byId("password").autocomplete = known ? "current-password" : "new-password";
	byId("password-hint").textContent = known
		? "You already have a sign-in with this address: enter the password you use there."
		: `At least ${firm.password_min_length} characters. A few words together are easy to remember and hard to guess.`;
}

function show(invitation) {
	document.title = `Your invitation to ${invitation.firm.name}`;
	showFirm(invitation.firm);
	byId("title").textContent = `Welcome${invitation.name ? `, ${invitation.name}` : ""}`;
	byId("greeting").textContent = `${invitation.firm.name} invites you to its client portal.`;
	invited = invitation.email;
	byId("email").value = invited;
	byId("email").readOnly = invitation.email_locked;
	byId("email-hint").hidden = invitation.email_locked;
	if (!invitation.email_locked) {
		byId("email").dataset.hint = "email-hint";
		byId("email").setAttribute("aria-describedby", "email-hint");
	}
	askPassword(invitation);
	byId("notice").replaceChildren();
	form.hidden = false;
	say(`Invitation from ${invitation.firm.name}`);
}

async function open() {
	if (!token()) {
		end(new Problem(404, { code: "not_found" }));
		return;
	}
	try {
		show(await call("POST", "/v1/invitations/preview", { token: token() }));
	} catch (problem) {
		end(problem);
	}
}

function goOn(result, email) {
	form.hidden = true;
	if (result.state === "confirm_address") notice(`We have sent a mail to ${email}. Open its link to go on; until then nothing has changed.`, "good").focus();
	else arrive(result);
}

onSubmit(form, async ({ email, password }) => {
	const body = { token: token(), transport: "cookie" };
	if (isOther()) body.email = email;
	if (!byId("password-field").hidden) body.password = password;
	try {
		goOn(await call("POST", "/v1/invitations/accept", body), email);
	} catch (problem) {
		if (problem.code in ENDS) end(problem);
		else throw problem;
	}
});
passwordToggle(byId("password"), byId("toggle"));
byId("email").addEventListener("input", settlePassword);
addEventListener("hashchange", open);
open();
