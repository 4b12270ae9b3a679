// Confirms the address of a registration with the password that was chosen for it; opening the link does nothing.
import { byId, call, notice, passwordToggle } from "./api.js";
import { onLink, way } from "./arrive.js";
import { findFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1));

findFirm(token()).then((firm) => {
	byId("password-field").hidden = firm?.sign_in === "passwordless";
});
passwordToggle(byId("password"), byId("toggle"));
onLink(token, async ({ password }) => {
	await call("POST", "/v1/registrations/confirm", { token: token(), ...(password ? { password } : {}) });
	byId("form").hidden = true;
	notice("Your address is confirmed. The firm now looks at who asks; a mail tells you when you have access. You can sign in already, to see how it stands.", "good",
		way("Sign in", "/signin")).focus();
}, way("Sign in", "/signin"), way("Ask for access again", "/register"));
