// Asks a firm for access; the answer is the same for every address.
import { byId, call, notice, onSubmit, passwordToggle } from "./api.js";
import { showEnd, way } from "./arrive.js";
import { findFirm, withFirm } from "./firm.js";

const form = byId("form");
// Of a sign-up link, which lets people ask where the firm takes no others.
const token = location.hash.slice(1) || null;
const found = findFirm(token);

function closed() {
	form.hidden = true;
	notice("This firm gives access by invitation only: ask it to send you one.", "bad", way("Go to sign-in", "/signin")).focus();
}

found.then((firm) => {
	if (!firm) return;
	if (!firm.self_registration && !token) closed();
	byId("password-field").hidden = firm.sign_in === "passwordless";
	byId("password").required = firm.sign_in === "password";
});

onSubmit(form, withFirm(found, async ({ name, email, phone, message, password, firm }) => {
	const body = { name, email: email.trim(), ...firm };
	for (const [key, value] of Object.entries({ phone, message })) if (value?.trim()) body[key] = value.trim();
	if (password && !byId("password-field").hidden) body.password = password;
	if (token) body.sign_up_token = token;
	try {
		await call("POST", "/v1/registrations", body);
	} catch (problem) {
		if (token && showEnd(problem, way("Go to sign-in", "/signin"))) return;
		if (problem.code !== "self_registration_disabled") throw problem;
		closed();
		return;
	}
	form.hidden = true;
	notice(`A mail is on its way to ${body.email}. Open the link in it to go on.`, "good").focus();
}));
passwordToggle(byId("password"), byId("toggle"));
