// Uploads to one folder: one request a file, one after the other, each with its own Idempotency-Key, so that trying a
// file again never makes a second document of it.
import { byId, make, Problem, readAnswer, say, showSize, withQuery } from "./api.js";

const waiting = [];
let busy = false;
let folder = null;
let onDone = null;
let onSignedOut = null;

function newKey() {
	return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Send the file; answers the document or a Problem; `null` when it was cancelled. */
function send(job) {
	return new Promise((resolve) => {
		const request = new XMLHttpRequest();
		job.request = request;
		request.open("POST", withQuery("/v1/portal/documents", { folder_id: folder, name: job.file.name }));
		request.setRequestHeader("Content-Type", /^[\w.+-]+\/[\w.+-]+$/.test(job.file.type) ? job.file.type : "application/octet-stream");
		request.setRequestHeader("Idempotency-Key", job.key);
		request.upload.addEventListener("progress", (event) => event.lengthComputable && showProgress(job, event.loaded));
		request.addEventListener("load", () => resolve(readAnswer(request.status, request.responseText, Number(request.getResponseHeader("Retry-After")) || null)));
		request.addEventListener("error", () => resolve(readAnswer(0, "")));
		request.addEventListener("abort", () => resolve(null));
		request.send(job.file);
	});
}

function showProgress(job, sent) {
	const part = job.file.size ? sent / job.file.size : 1;
	job.bar.value = part;
	job.about.textContent = part < 1 ? `${Math.floor(part * 100)} % of ${showSize(job.file.size)}` : `All of ${showSize(job.file.size)} sent; storing it…`;
}

function settle(job, kind, text, buttons) {
	job.request = null;
	job.bar.hidden = kind !== "";
	job.about.className = `about ${kind}`;
	job.about.textContent = text;
	job.buttons.replaceChildren(...buttons);
}

function button(job, text, act) {
	return make("button", { class: "small", type: "button", "aria-label": `${text}: ${job.file.name}`, onclick: () => act(job) }, text);
}

function cancel(job) {
	job.cancelled = true;
	if (job.request) job.request.abort();
	else ended(job, null);
}

function enqueue(job) {
	job.cancelled = false;
	job.bar.value = 0;
	settle(job, "", `Waiting, ${showSize(job.file.size)}`, [button(job, "Cancel", cancel)]);
	waiting.push(job);
	work();
}

/** A file is through, cancelled or refused; a refused one can be tried again under the same key. */
function ended(job, result) {
	if (result === null) {
		job.row.remove();
		byId("uploads").hidden = !byId("uploads").firstChild;
		say(`${job.file.name}: cancelled`);
		byId("files").focus();
	} else if (result instanceof Problem) {
		settle(job, "failed", result.message, [button(job, "Try again", enqueue), button(job, "Remove", cancel)]);
		say(`${job.file.name}: ${result.message}`);
		if (result.status === 401) onSignedOut();
	} else {
		settle(job, "done", "Uploaded", []);
		say(`${job.file.name}: uploaded`);
		onDone(result);
	}
}

async function work() {
	if (busy) return;
	busy = true;
	for (let job = waiting.shift(); job; job = waiting.shift()) {
		if (job.cancelled) continue;
		showProgress(job, 0);
		ended(job, await send(job));
	}
	busy = false;
}

function add(file) {
	const job = { file, key: newKey(), cancelled: false, request: null };
	job.about = make("span", { class: "about" });
	job.bar = make("progress", { max: "1", value: "0", "aria-label": `Progress of ${file.name}` });
	job.buttons = make("span", { class: "buttons" });
	job.row = make("li", {}, make("span", { class: "what" }, make("strong", {}, file.name), job.about), job.buttons, job.bar);
	byId("uploads").append(job.row);
	byId("uploads").hidden = false;
	enqueue(job);
}

/** Show the upload area for a folder; `done` gets each new document, `signedOut` is called when the session is over. */
export function acceptFiles(folderId, done, signedOut) {
	const input = byId("files");
	const drop = byId("drop");
	folder = folderId;
	onDone = done;
	onSignedOut = signedOut;
	input.addEventListener("change", () => {
		for (const file of input.files) add(file);
		input.value = "";
	});
	for (const name of ["dragover", "dragleave", "drop"]) {
		drop.addEventListener(name, (event) => {
			event.preventDefault();
			drop.classList.toggle("over", name === "dragover");
		});
	}
	drop.addEventListener("drop", (event) => {
		for (const file of event.dataTransfer.files) add(file);
	});
	addEventListener("beforeunload", (event) => busy && event.preventDefault());
	byId("upload").hidden = false;
}
