// What is shared with the person: all of it, one folder (with uploads where they are allowed), or one document.
import { byId, call, callAll, make, notice, Problem, say, showDate, showProblem, showSize, withQuery } from "./api.js";
import { leave } from "./arrive.js";
import { showFirm } from "./firm.js";
import { acceptFiles } from "./upload.js";

const id = location.pathname.slice("/items/".length);
const PAGE = 50;
let folders = new Map();
let severalClients = false;
let cursor = null;

function signIn() {
	location.replace(withQuery("/signin", { next: location.pathname, firm: new URLSearchParams(location.search).get("firm") }));
}

/** Show what went wrong; who is not signed in goes to sign in. */
function fail(problem) {
	if (!(problem instanceof Problem)) throw problem;
	if (problem.status === 401) {
		signIn();
		return;
	}
	if (problem.code === "awaiting_verification") {
		location.replace("/waiting");
		return;
	}
	const missing = problem.status === 404;
	if (missing) byId("title").textContent = "Not here";
	if (missing) notice("This item does not exist, or is not shared with you any more.", "bad", make("p", {}, make("a", { href: "/items/" }, "Show everything that is shared with you"))).focus();
	else showProblem(problem);
}

function title(text) {
	byId("title").textContent = text;
	document.title = `${text} – ${byId("firm").textContent}`;
}

function icon(name) {
	return make("img", { class: "icon", src: `/assets/${name}.svg`, alt: "", width: "24", height: "24" });
}

/** The folders from the top down to `folder`, as far as they are shared. */
function wayTo(folder) {
	const way = [];
	for (let at = folder; at; at = folders.get(at.parent_id)) way.unshift(at);
	return way;
}

function showPath(way, last) {
	const step = (text, href) => make("li", {}, href ? make("a", { href }, text) : make("span", { "aria-current": "page" }, text));
	byId("path").append(make("ol", {}, step("All items", "/items/"), ...way.map((folder) => step(folder.name, `/items/${folder.id}`)), step(last)));
	byId("path").hidden = false;
}

function folderRow(folder) {
	const rights = folder.access === "view_upload" ? "You can upload here" : "To read";
	return make("li", {}, icon("folder"),
		make("span", { class: "what" }, make("a", { href: `/items/${folder.id}` }, folder.name),
			make("span", { class: "about" }, severalClients ? `${folder.client.name} · ${rights}` : rights)));
}

function showFolders(list) {
	byId("folder-rows").replaceChildren(...list.map(folderRow));
	byId("folders").hidden = !list.length;
}

function download(document) {
	return make("a", { class: "button", href: `/v1/portal/documents/${document.id}/content`, download: document.name, "aria-label": `Download ${document.name}` }, "Download");
}

function documentRow(document) {
	const about = [showSize(document.size), showDate(document.created_at)];
	if (document.mine) about.push("from you");
	if (!id && document.folder_id && folders.has(document.folder_id)) about.push(`in ${folders.get(document.folder_id).name}`);
	if (!id && severalClients) about.push(document.client.name);
	return make("li", {}, icon("document"),
		make("span", { class: "what" }, make("a", { href: `/items/${document.id}` }, document.name), make("span", { class: "about" }, about.join(" · "))),
		download(document));
}

/** The next page of documents; the first of the new rows gets the focus when a button asked for them. */
async function moreDocuments(asked) {
	const page = await call("GET", withQuery("/v1/portal/documents", { limit: PAGE, cursor, folder_id: id || null }));
	const rows = page.data.map(documentRow);
	byId("document-rows").append(...rows);
	cursor = page.next_cursor;
	byId("more").hidden = !cursor;
	byId("documents").hidden = false;
	byId("none").hidden = Boolean(byId("document-rows").firstChild);
	if (!asked) return;
	say(`${rows.length} more documents`);
	rows[0]?.querySelector("a").focus();
}

/** A document that was just uploaded stands first, until the page is opened anew. */
function uploaded(document) {
	byId("document-rows").prepend(documentRow(document));
	byId("none").hidden = true;
}

async function showHome() {
	title("Shared with you");
	showFolders([...folders.values()].filter((folder) => !folders.has(folder.parent_id)));
	await moreDocuments(false);
}

async function showFolder() {
	const folder = folders.get(id);
	if (!folder) throw new Problem(404, { code: "not_found" });
	title(folder.name);
	showPath(wayTo(folders.get(folder.parent_id)), folder.name);
	showFolders([...folders.values()].filter((other) => other.parent_id === id));
	if (folder.access === "view_upload") acceptFiles(id, uploaded, signIn);
	await moreDocuments(false);
}

async function showDocument() {
	const document = await call("GET", `/v1/portal/documents/${id}`);
	title(document.name);
	showPath(wayTo(folders.get(document.folder_id)), document.name);
	const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value)];
	const button = download(document);
	button.classList.add("main");
	byId("document").append(
		make("dl", { class: "facts" }, ...fact("Size", showSize(document.size)), ...fact("Kind", document.content_type),
			...fact("Since", showDate(document.created_at)), ...(document.mine ? fact("From", "You") : []), ...fact("Client", document.client.name)),
		button);
	byId("document").hidden = false;
}

async function show() {
	const [home, all] = await Promise.all([call("GET", "/v1/portal/home"), callAll("/v1/portal/folders")]);
	folders = new Map(all.map((folder) => [folder.id, folder]));
	severalClients = home.clients.length > 1;
	showFirm(home.firm);
	byId("notice").replaceChildren();
	if (!id) await showHome();
	else if (id.startsWith("fol_")) await showFolder();
	else await showDocument();
}

byId("more").addEventListener("click", () => moreDocuments(true).catch(fail));
byId("leave").addEventListener("click", leave);
show().catch(fail).finally(() => byId("main").setAttribute("aria-busy", "false"));
