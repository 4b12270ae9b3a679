// Ends one kind of notice. The token stands in the fragment (a link in the text) or in the path (the header that mail programs
// read); only the button acts.
import { byId, call, notice, onSubmit, Problem, showProblem } from "./api.js";
import { findFirm, showFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1)) || location.pathname.split("/")[2] || "";
const path = () => `/v1/unsubscribe/${encodeURIComponent(token())}`;
const form = byId("form");

const KINDS = {
	"folder.shared": "when a folder is shared with you",
	"document.shared": "when a document is shared with you",
	"items.shared": "about what was shared with you while you could not sign in",
	"document.uploaded": "when documents are uploaded",
};

function fail(problem) {
	if (!(problem instanceof Problem)) throw problem;
	form.hidden = true;
	findFirm(token());
	if (problem.status === 404)
		notice("This link does not work. It may be cut off: copy the whole of it. Or the access that it belongs to has ended, and such mails with it.", "bad").focus();
	else showProblem(problem);
}

function done(mail) {
	form.hidden = true;
	notice(mail.mandatory
		? `It is noted that you want none of these mails. ${mail.firm.name} wants its people told, though: until it changes that, they go on.`
		: `${mail.email} gets no more mails ${KINDS[mail.event] ?? "of this kind"}.`, "good").focus();
}

function show(mail) {
	document.title = "Mails to you";
	showFirm(mail.firm);
	byId("rest").hidden = false;
	if (!mail.wanted) {
		done(mail);
		return;
	}
	byId("about").textContent = `${mail.firm.name} mails ${mail.email} ${KINDS[mail.event] ?? "about what happens in the portal"}.`;
	byId("notice").replaceChildren();
	form.hidden = false;
}

async function open() {
	try {
		if (!token()) throw new Problem(404, {});
		show(await call("GET", path()));
	} catch (problem) {
		fail(problem);
	}
}

onSubmit(form, async () => {
	try {
		done(await call("POST", path()));
	} catch (problem) {
		fail(problem);
	}
});
addEventListener("hashchange", open);
open();
