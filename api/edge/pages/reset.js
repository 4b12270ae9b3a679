// Chooses another password with the mailed link.
import { byId, call, notice, passwordToggle } from "./api.js";
import { onLink, way } from "./arrive.js";
import { findFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1));

findFirm(token()).then((firm) => {
	if (firm) byId("password-hint").textContent = `At least ${firm.password_min_length} characters. A few words together are easy to remember and hard to guess.`;
});
onLink(token, async ({ new_password: chosen }) => {
	await call("POST", "/v1/auth/password_resets/redeem", { token: token(), new_password: chosen });
	byId("form").hidden = true;
	notice("Your password is changed. Wherever you were signed in, you are signed out.", "good", way("Sign in", "/signin")).focus();
}, way("Have a new one mailed", "/forgot"));
passwordToggle(byId("password"), byId("toggle"));
