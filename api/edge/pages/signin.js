// Signs a client of the firm in, and goes on to the page that was asked for.
import { byId, call, nextPage, notice, onSubmit, passwordToggle } from "./api.js";
import { findFirm } from "./firm.js";

const query = new URLSearchParams(location.search);
const form = byId("form");
const found = findFirm();

if (query.has("ended")) notice("You have signed out.", "good");
else if (query.has("next")) notice("Please sign in to go on.");

function arrive(result) {
	if (result.state === "signed_in") location.replace(nextPage(query.get("next")));
	else if (result.state === "pending_verification")
		notice("You are signed in, but the firm has not confirmed your account yet. You will get a mail when it has.").focus();
	else notice("This account asks for a second factor, which this page cannot do yet. Ask the firm for help.", "bad").focus();
}

onSubmit(form, async ({ email, password, firm }) => {
	const slug = (await found)?.slug ?? "";
	const body = { audience: "portal", email: email.trim(), password, transport: "cookie" };
	if (firm.trim() || slug) body.firm = firm.trim() || slug;
	try {
		arrive(await call("POST", "/v1/auth/login", body));
	} catch (problem) {
		// One address of the portal may serve several firms.
		if (problem.code === "firm_required" || body.firm) byId("firm-field").hidden = false;
		if (byId("firm-name").value === "") byId("firm-name").value = slug;
		throw problem;
	}
});
passwordToggle(byId("password"), byId("toggle"));
