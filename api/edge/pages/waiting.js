// Tells who has registered that the firm has not verified it yet.
import { byId, call, say, showProblem } from "./api.js";
import { leave } from "./arrive.js";
import { findFirm } from "./firm.js";

async function look() {
	try {
		const me = await call("GET", "/v1/portal/me");
		if (me.state === "active") {
			location.replace("/items/");
			return;
		}
		byId("notice").replaceChildren();
		byId("who").textContent = `${me.firm_name} has not verified ${me.email} yet.`;
		byId("support").textContent = `Questions? Write to ${me.support_email}.`;
		byId("support").hidden = !me.support_email;
		byId("about").hidden = false;
	} catch (problem) {
		if (problem.status === 401) location.replace("/signin");
		else showProblem(problem);
	}
}

findFirm();
byId("again").addEventListener("click", async () => {
	await look();
	say("Not verified yet");
});
byId("leave").addEventListener("click", leave);
look();
