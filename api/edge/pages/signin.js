// Signs a client of the firm in, by password or by mail as the firm has it, and goes on to the page that was asked for.
import { byId, call, notice, onSubmit, passwordToggle } from "./api.js";
import { arrive, signInByMail } from "./arrive.js";
import { findFirm, withFirm } from "./firm.js";

const query = new URLSearchParams(location.search);
const form = byId("form");
const found = findFirm();
let byMail = false;

if (query.has("ended")) notice("You have signed out.", "good");
else if (query.has("next")) notice("Please sign in to go on.");

/** No password is asked: the button asks for a mail. */
function withoutPassword() {
	byMail = true;
	byId("password-field").hidden = true;
	byId("by-mail").hidden = true;
	byId("forgot").hidden = true;
	byId("submit").textContent = "Mail me a link";
}

found.then((firm) => {
	if (!firm) return;
	byId("by-mail").hidden = firm.sign_in !== "both";
	byId("register").hidden = !firm.self_registration;
	byId("by-invitation").hidden = firm.self_registration;
	if (firm.sign_in === "passwordless") withoutPassword();
});

onSubmit(form, withFirm(found, async ({ email, password, firm }) => {
	const who = { email: email.trim(), ...firm };
	if (byMail) {
		await signInByMail({ ...who, wanted: query.get("next") });
		return;
	}
	try {
		arrive(await call("POST", "/v1/auth/login", { audience: "portal", ...who, password, transport: "cookie" }), query.get("next"));
	} catch (problem) {
		if (problem.code === "password_sign_in_disabled") withoutPassword();
		throw problem;
	}
}));

byId("by-mail").addEventListener("click", () => {
	withoutPassword();
	if (byId("email").value) form.requestSubmit();
	else byId("email").focus();
});
passwordToggle(byId("password"), byId("toggle"));
