// Confirms the address of a registration, by the button alone.
import { byId, call, notice } from "./api.js";
import { onLink, way } from "./arrive.js";
import { findFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1));

findFirm(token());
onLink(token, async () => {
	await call("POST", "/v1/registrations/confirm", { token: token() });
	byId("form").hidden = true;
	notice("Your address is confirmed. The firm now looks at who asks; a mail tells you when you have access. You can sign in already, to see how it stands.", "good",
		way("Sign in", "/signin")).focus();
}, way("Sign in", "/signin"), way("Ask for access again", "/register"));
