// Asks for a mail to choose another password with; the answer is the same for every address.
import { byId, call, notice, onSubmit } from "./api.js";
import { findFirm, withFirm } from "./firm.js";

const audience = new URLSearchParams(location.search).get("audience") === "staff" ? "staff" : "portal";
const form = byId("form");
const found = findFirm();

onSubmit(form, withFirm(found, async ({ email, firm }) => {
	await call("POST", "/v1/auth/password_resets", { audience, email: email.trim(), ...firm });
	form.hidden = true;
	notice(`If somebody signs in here with ${email.trim()}, a mail is on its way. The link in it works for an hour.`, "good").focus();
}));
