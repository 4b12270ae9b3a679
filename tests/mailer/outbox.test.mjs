// Who is mailed what: the envelopes of each act, and that the right is looked at again when the mail is due.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { blocked } from '../db/fixture.mjs';
import { headers, Rig, until } from './rig.mjs';

let rig;
before(async () => { rig = await Rig.start(); });
after(() => rig?.stop());
afterEach(() => rig.clean());

const addresses = (envelopes) => envelopes.map((e) => e.to_email).sort();
const team = (w, member) => rig.owner.query('insert into client_team values ($1, $2, $3, $4)', [w.firm.id, w.client.id, member.id, rig.now()]);

test('S3_19 one mail for each contact of a share action, none for who may not sign in', async () => {
	const w = await rig.world();
	const others = [await rig.person(w, 'Ben'), await rig.person(w, 'Cid')];
	await rig.owner.query("update membership set state = 'suspended' where id = $1", [others[1].person.id]);
	const envelopes = await rig.mailShare(w, { id: [w, ...others].map((p) => p.share.id) });
	assert.deepEqual(addresses(envelopes), [w.person.login_email, others[0].person.login_email].sort());
	assert.deepEqual([...new Set(envelopes.map((e) => e.kind))], ['folder.shared']);
	assert.equal(new Set(envelopes.map((e) => e.id)).size, 2);
});

test('S3_27 an upload is told to everybody with a share of the folder or one above it, but not to the uploader', async () => {
	const w = await rig.world();
	const sub = await rig.make.folder(w.client, w.folder);
	const inherited = await rig.person(w, 'Ben');
	const elsewhere = await rig.person(w, 'Cid');
	await rig.owner.query('update share set folder_id = $2 where id = $1', [elsewhere.share.id, (await rig.make.folder(w.client)).id]);
	await rig.make.share(inherited.person, { folder: sub }); // twice reached, once told
	await rig.owner.query("update membership set state = 'invited', identity_id = null where id = $1", [(await rig.person(w, 'Dan')).person.id]);
	const document = await rig.make.document(sub);
	const { event, assigned } = await rig.mailUpload(w, w.portal, document);
	assert.deepEqual(addresses(await rig.envelopes(event)), [inherited.person.login_email]);
	assert.equal(assigned, 0);
	const { event: byStaff } = await rig.mailUpload(w, w.staff, await rig.make.document(sub));
	assert.deepEqual(addresses(await rig.envelopes(byStaff)), [inherited.person.login_email, w.person.login_email].sort());
});

test('S3_28 and S3_29 a client\'s upload is told to all assigned staff, each once; a staff upload to none of them', async () => {
	const w = await rig.world();
	const member = await rig.make.staff(w.firm, 'member');
	const away = await rig.make.staff(w.firm, 'member', { state: 'suspended' });
	for (const one of [w.owner, member, away])
		await team(w, one);
	const { event, assigned } = await rig.mailUpload(w, w.portal);
	assert.equal(assigned, 2);
	assert.deepEqual(addresses(await rig.envelopes(event)), [w.owner.login_email, member.login_email].sort());
	const { event: byStaff } = await rig.mailUpload(w, w.staff);
	assert.deepEqual(addresses(await rig.envelopes(byStaff)), [w.person.login_email]);
});

test('one address that is both staff and contact is told once', async () => {
	const w = await rig.world();
	const ben = await rig.person(w, 'Ben');
	const both = await rig.make.staff(w.firm, 'member', { login_email: ben.person.login_email, login_email_key: ben.person.login_email_key });
	await team(w, both);
	const { event } = await rig.mailUpload(w, w.portal);
	const [e, ...more] = await rig.envelopes(event);
	assert.deepEqual([e.recipient_kind, more.length], ['staff', 0]);
	const { event: own } = await rig.mailUpload(w, { type: 'staff', id: both.id, name: 'B' });
	assert.deepEqual(addresses(await rig.envelopes(own)), [w.person.login_email], 'nobody hears of what he did himself');
});

test('S3_30 nobody assigned: silence by default, the admins where the firm wants it', async () => {
	const w = await rig.world();
	const { event, assigned } = await rig.mailUpload(w, w.portal);
	assert.deepEqual([assigned, await rig.envelopes(event)], [0, []]);
	await rig.owner.query("update firm set unassigned_fallback = 'admins' where id = $1", [w.firm.id]);
	const admin = await rig.make.staff(w.firm, 'admin');
	await rig.make.staff(w.firm, 'member');
	const { event: next, assigned: none } = await rig.mailUpload(w, w.portal);
	assert.equal(none, 0);
	assert.deepEqual(addresses(await rig.envelopes(next)), [w.owner.login_email, admin.login_email].sort());
});

test('S3_28 P22 an upload into a restricted matter is told to its team, and of the others to those who may know of it', async () => {
	const w = await rig.world();
	const [outside, inside] = [await rig.make.staff(w.firm, 'member'), await rig.make.staff(w.firm, 'member')];
	await rig.make.staff(w.firm, 'admin');
	const matter = await rig.make.matter(w.client, { restricted: true });
	const folder = await rig.make.folder(w.client, null, { matter_id: matter.id });
	const told = async () => {
		const { event, assigned } = await rig.mailUpload(w, w.portal, await rig.make.document(folder));
		return { assigned, to: addresses(await rig.envelopes(event)) };
	};
	await team(w, outside);
	assert.deepEqual(await told(), { assigned: 0, to: [] });
	await rig.owner.query("update firm set unassigned_fallback = 'admins' where id = $1", [w.firm.id]);
	assert.deepEqual(await told(), { assigned: 0, to: [w.owner.login_email] }, 'and no admin');
	await rig.make.join(matter, inside);
	assert.deepEqual(await told(), { assigned: 1, to: [inside.login_email] });
	await team(w, w.owner);
	assert.deepEqual(await told(), { assigned: 2, to: [inside.login_email, w.owner.login_email].sort() });
	await rig.owner.query('update matter set restricted = false where id = $1', [matter.id]);
	assert.deepEqual(await told(), { assigned: 2, to: [outside.login_email, w.owner.login_email].sort() }, 'an open matter is the client\'s team\'s');
});

test('P22 a notice to the staff names nothing that went into a restricted matter meanwhile', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	const member = await rig.make.staff(w.firm, 'member');
	await team(w, member);
	const { doc } = await rig.mailUpload(w, w.portal);
	const { doc: kept } = await rig.mailUpload(w, w.portal);
	const matter = await rig.make.matter(w.client, { restricted: true });
	await rig.owner.query('update document set folder_id = $2 where id = $1', [doc.id, (await rig.make.folder(w.client, null, { matter_id: matter.id })).id]);
	rig.setOffset(61);
	await rig.mailer();
	const [mail] = await rig.sink.wait(member.login_email, 1, 0, 60_000);
	assert.equal(mail.subject, `New document: ${kept.name} (Acme GmbH)`);
	assert.ok(!mail.raw.includes(doc.name));
});

test('an archived client and a contact without relation hear nothing', async () => {
	const w = await rig.world();
	const ben = await rig.person(w, 'Ben');
	await rig.owner.query('delete from client_contact where contact_id = $1', [ben.contact.id]);
	const { event } = await rig.mailUpload(w, w.staff);
	assert.deepEqual(addresses(await rig.envelopes(event)), [w.person.login_email]);
	await rig.owner.query("update client set status = 'archived' where id = $1", [w.client.id]);
	assert.equal((await rig.mailUpload(w, w.staff)).written, 0);
});

test('uploads within five minutes make one mail, of fifteen minutes at most', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 300 });
	await rig.mailer();
	const names = [];
	const start = Date.now();
	for (let minute = 0; minute <= 14; minute += 4) { // each within five minutes of the one before
		rig.setOffset(minute * 60);
		names.push((await rig.mailUpload(w, w.staff)).doc.name);
	}
	const [open, ...others] = await rig.envelopes();
	assert.equal(others.length, 0);
	assert.equal(open.document_ids.length, 4);
	assert.equal(open.due_at - open.created_at, 15 * 60_000);
	assert.equal(rig.sink.mails.length, 0);
	rig.setOffset(15 * 60 + 2);
	const [mail] = await rig.sink.wait(w.person.login_email, 1, 0, 60_000);
	assert.ok(mail, `${Date.now() - start}`);
	for (const name of names)
		assert.equal(mail.text.split(`- ${name}\n`).length, 2, name);
	assert.equal(mail.subject, '4 new documents (Acme GmbH)');
	assert.match(mail.links[0], /\/items\/fol_/);
	await rig.settled(open.id, 'sent');
	const { event } = await rig.mailUpload(w, w.staff);
	const [next] = await rig.envelopes(event);
	assert.equal(next.document_ids.length, 1, 'what comes after the mail begins a new one');
});

test('one person of two clients gets a mail for each; two persons one each', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	const client = await rig.make.client(w.firm);
	await rig.make.relate(client, w.contact);
	const folder = await rig.make.folder(client);
	await rig.make.share(w.person, { folder });
	await rig.person(w, 'Ben');
	await rig.mailUpload(w, w.staff);
	await rig.mailUpload({ ...w, client, folder }, w.staff);
	await rig.mailUpload(w, w.staff);
	const counts = (await rig.envelopes()).map((e) => e.document_ids.length).sort();
	assert.deepEqual(counts, [1, 2, 2]);
});

test('many uploads at once from many sessions never deadlock, and lose no document', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	for (let i = 0; i < 5; i++)
		await rig.person(w, `Person ${i}`);
	const sessions = await Promise.all(Array.from({ length: 8 }, () => rig.cluster.connect('portico_api')));
	const documents = [];
	for (let i = 0; i < 80; i++)
		documents.push(await rig.make.document(w.folder));
	await Promise.all(sessions.map(async (api, n) => {
		const own = Object.create(rig, { api: { value: api } });
		for (const document of documents.filter((_, i) => i % 8 === n))
			await own.mailUpload(w, w.staff, document);
	}));
	await Promise.all(sessions.map((s) => s.end()));
	const envelopes = await rig.envelopes();
	assert.equal(envelopes.length, 6);
	for (const e of envelopes)
		assert.deepEqual([...e.document_ids].sort(), documents.map((d) => d.id).sort());
});

test('300 uploads are one mail that lists twenty and counts the rest', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	await rig.as(w.firm, async (run) => {
		for (let i = 0; i < 300; i++) {
			const document = await rig.make.document(w.folder);
			const event = await rig.event(run, w.staff, 'document.created', document.id, w.client.id);
			await run('outbox_mail_upload', { event, document: document.id, actor: w.staff.id, by_client: false });
		}
	});
	rig.setOffset(61);
	await rig.mailer();
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, '300 new documents (Acme GmbH)');
	assert.ok(mail.text.includes('- and 280 more'));
	assert.equal(rig.sink.mails.length, 1);
});

const colleague = async (w, state = 'active') => {
	const member = await rig.make.staff(w.firm, 'member', { state });
	await team(w, member);
	return member;
};
const staffed = (...states) => async (w) => {
	const members = [];
	for (const state of states)
		members.push(await colleague(w, state));
	return { share: w.share, members };
};
// A folder of a restricted matter, shared with the person; `inside`: how many of the client's team are on the matter's too.
const secret = (inside) => async (w) => {
	const matter = await rig.make.matter(w.client, { restricted: true });
	await rig.make.take(matter, w.contact);
	await rig.make.share(w.person, { matter });
	const folder = await rig.make.folder(w.client, null, { matter_id: matter.id });
	await colleague(w);
	const members = [await rig.make.staff(w.firm, 'member'), await colleague(w)].slice(0, inside);
	for (const member of members)
		await rig.make.join(matter, member);
	return { share: await rig.make.share(w.person, { folder }), members };
};
// [who looks after the client, how, whether answers go to the first of them]
const inCharge = [
	['nobody', staffed(), false],
	['one', staffed('active'), true],
	['one, and one who has left', staffed('active', 'suspended'), true],
	['one who has left', staffed('suspended'), false],
	['two', staffed('active', 'active'), false],
	['one, who may not know of the matter', secret(0), false],
	['one for the matter', secret(1), true],
	['two for the matter', secret(2), false],
];
test('P37 P22 answers to a client\'s notice go to the one who is in charge; to the firm where there is none, or several', async () => {
	await rig.mailer();
	for (const [who, staffing, one] of inCharge) {
		const w = await rig.world({ support_email: 'help@adler.example' });
		const { share, members } = await staffing(w);
		await rig.mailShare(w, share);
		const [mail] = await rig.sink.wait(w.person.login_email, 1, 0, 60_000);
		assert.equal(headers(mail.raw)['reply-to'], `<${one ? members[0].login_email : 'help@adler.example'}>`, who);
	}
});

test('P37 an invitation, whose address nobody has proved, and a mail to the staff name the firm', async () => {
	const w = await rig.world({ support_email: 'help@adler.example' });
	const member = await colleague(w);
	await rig.mailer();
	await rig.mailInvitation(w, await rig.invitation(w));
	await rig.mailUpload(w, w.portal);
	for (const to of [w.person.login_email, member.login_email]) {
		const [mail] = await rig.sink.wait(to, 1, 0, 60_000);
		assert.equal(headers(mail.raw)['reply-to'], '<help@adler.example>');
	}
});

test('P37 whoever leaves while a notice waits is not named by it', async () => {
	const w = await rig.world({ support_email: 'help@adler.example' });
	const member = await colleague(w);
	rig.sink.faults = [{ at: 'rcpt', code: 450, times: 1 }];
	await rig.mailer();
	const [{ id }] = await rig.mailShare(w);
	const first = await rig.settled(id, 'deferred');
	assert.equal(first.frozen.reply_to, member.login_email);
	await rig.owner.query("update membership set state = 'suspended' where id = $1", [member.id]);
	rig.setOffset(20);
	const e = await rig.settled(id, 'sent');
	assert.equal(headers(rig.sink.mails[0].raw)['reply-to'], '<help@adler.example>');
	assert.notEqual(e.message_id, first.message_id);
});

test('one document is named in the subject and linked; folders apart lead to the door', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	const { doc } = await rig.mailUpload(w, w.staff);
	rig.setOffset(61);
	await rig.mailer();
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, `New document: ${doc.name} (Acme GmbH)`);
	assert.match(mail.links[0], /\/items\/doc_/);
	const sub = await rig.make.folder(w.client, w.folder);
	await rig.mailUpload(w, w.staff);
	await rig.mailUpload(w, w.staff, await rig.make.document(sub));
	rig.setOffset(300);
	const [second] = await rig.sink.wait('', 1, 1, 60_000);
	assert.match(second.links[0], /^https:\/\/portal\.example\/signin\?firm=/);
});

// [what happens while the mail waits, how, what the envelope says]
const withdrawn = [
	['the share is withdrawn', (w) => rig.owner.query('delete from share where id = $1', [w.share.id]), /withdrawn/],
	['the access goes', (w) => rig.owner.query('delete from membership where id = $1', [w.person.id]), /access is off/],
	['the access is suspended', (w) => rig.owner.query("update membership set state = 'suspended' where id = $1", [w.person.id]), /access is off/],
	['somebody signs in with another address', (w) => rig.owner.query("update membership set login_email = 'new@x.test', login_email_key = 'new@x.test' where id = $1", [w.person.id]), /another now/],
	['the client is archived', (w) => rig.owner.query("update client set status = 'archived' where id = $1", [w.client.id]), /withdrawn/],
	['the contact leaves the client', (w) => rig.owner.query('delete from client_contact where contact_id = $1', [w.contact.id]), /withdrawn/],
];
for (const [what, how, why] of withdrawn)
	test(`a share's mail is cancelled when ${what}`, async () => {
		const w = await rig.world();
		const [queued] = await rig.mailShare(w);
		await how(w);
		const mailer = await rig.mailer();
		const e = await rig.settled(queued.id, 'cancelled');
		assert.match(e.error, why);
		assert.equal(rig.sink.mails.length, 0);
		assert.equal(mailer.lines('stop').length, 1);
	});

test('a share\'s mail that has to be tried again is cancelled when the share goes meanwhile', async () => {
	const w = await rig.world();
	rig.sink.faults = [{ at: 'rcpt', code: 450, times: 1 }];
	await rig.mailer();
	const [queued] = await rig.mailShare(w);
	await rig.settled(queued.id, 'deferred');
	await rig.owner.query('delete from share where id = $1', [w.share.id]);
	rig.setOffset(20);
	await rig.settled(queued.id, 'cancelled');
	assert.equal(rig.sink.mails.length, 0);
});

const put = (w, state) => rig.owner.query('update membership set state = $2 where id = $1', [w.person.id, state]);

// The one mail of the world's folder and of `n` documents, shared while the person was suspended.
async function summary(w, n) {
	const shares = [];
	for (let i = 0; i < n; i++)
		shares.push(await rig.make.share(w.person, { document: await rig.make.document(await rig.make.folder(w.client)) }));
	await put(w, 'suspended');
	assert.deepEqual(await rig.mailShare(w, { id: [w.share, ...shares].map((s) => s.id) }), []);
	const [queued, ...more] = await rig.mailUntold(w);
	assert.deepEqual([queued.kind, more], ['items.shared', []]);
	return { queued, shares };
}

test('P17 P12 what is withdrawn while the summary waits drops off it; none left, it is cancelled', async () => {
	const w = await rig.world();
	const { queued, shares: [gone] } = await summary(w, 1);
	await rig.owner.query('delete from share where id = $1', [gone.id]);
	await rig.mailer();
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, 'Adler & Söhne has shared something with you');
	assert.ok(mail.text.includes('- the folder "Annual accounts"\n  by S (Acme GmbH)\n\n'));
	await rig.settled(queued.id, 'sent');
	await rig.stopMailers();
	const { queued: next } = await summary(w, 1);
	await rig.owner.query('delete from share where membership_id = $1', [w.person.id]);
	await rig.mailer();
	assert.match((await rig.settled(next.id, 'cancelled')).error, /withdrawn/);
	assert.equal(rig.sink.mails.length, 1);
});

// Mails of three things: [what, how it is written, what withdraws one of them, the subject then]
const ofThree = [
	['summary', async (w) => (await summary(w, 2)).queued,
		(w) => rig.owner.query('delete from share where id = $1', [w.share.id]), 'Adler & Söhne has shared 2 items with you'],
	['notice of uploads', async (w) => {
		await rig.owner.query('update firm set mail_coalesce_seconds = 60 where id = $1', [w.firm.id]);
		for (let i = 0; i < 3; i++)
			w.uploaded = (await rig.mailUpload(w, w.staff)).doc;
		return (await rig.envelopes())[0];
	}, (w) => rig.owner.query('update document set trashed_at = $2 where id = $1', [w.uploaded.id, rig.now()]), '2 new documents (Acme GmbH)'],
];
for (const [what, write, withdraw, subject] of ofThree)
	test(`P12 a ${what} that has to be tried again is another mail once something of it is withdrawn, and else the same`, async () => {
		const w = await rig.world();
		rig.sink.faults = [{ at: 'rcpt', code: 450, times: 2 }];
		const { id } = await write(w);
		const attempt = (n, state) => {
			rig.setOffset(70 * n);
			return until(async () => {
				const e = await rig.envelope(id);
				return e.attempts === n && e.state === state && e.claimed_by === null && e;
			}, `attempt ${n}`);
		};
		await rig.mailer();
		const first = await attempt(1, 'deferred');
		const second = await attempt(2, 'deferred');
		assert.deepEqual([second.message_id, second.frozen], [first.message_id, first.frozen]);
		await withdraw(w);
		const e = await attempt(3, 'sent');
		const [mail, ...more] = rig.sink.mails;
		assert.deepEqual([mail.subject, more], [subject, []]);
		assert.equal(`<${e.message_id}>`, headers(mail.raw)['message-id']);
		assert.notEqual(e.message_id, first.message_id);
	});

test('P17 the summary lists twenty and counts the rest', async () => {
	const w = await rig.world();
	await summary(w, 24);
	await rig.mailer();
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, 'Adler & Söhne has shared 25 items with you');
	assert.ok(mail.text.includes('- and 5 more\n'));
});

test('P17 what was not sent because the person was locked out by then is told when that ends', async () => {
	const w = await rig.world();
	const { queued } = await summary(w, 1);
	await put(w, 'suspended');
	await rig.mailer();
	await rig.settled(queued.id, 'cancelled');
	const [again] = await rig.mailUntold(w);
	await rig.settled(again.id, 'sent');
	assert.deepEqual([again.kind, await rig.mailUntold(w), rig.sink.mails.length], ['items.shared', [], 1]);
});

test('P17 whoever becomes active while something is shared is told of it at once', async () => {
	const w = await rig.world();
	await put(w, 'suspended');
	await rig.owner.query('begin');
	await put(w, 'active');
	const sharing = rig.mailShare(w);
	await blocked(sharing, rig.api, rig.owner);
	await rig.owner.query('commit');
	assert.deepEqual((await sharing).map((e) => e.kind), ['folder.shared']);
	assert.deepEqual(await rig.mailUntold(w), []);
});

test('P17 whoever is let in again at the very moment in which a mail is given up is told of it', async () => {
	const w = await rig.world();
	const [queued] = await rig.mailShare(w);
	await put(w, 'suspended');
	await rig.owner.query('begin');
	await rig.owner.query('select from share where id = $1 for update', [w.share.id]);
	await rig.mailer();
	await until(async () => (await rig.owner.query('select from pg_locks where not granted')).rowCount > 0, 'the wait');
	const telling = rig.mailUntold(w);
	await blocked(telling, rig.api, rig.owner);
	await rig.owner.query('commit');
	assert.deepEqual((await telling).map((e) => e.kind), ['folder.shared']);
	assert.equal((await rig.envelope(queued.id)).state, 'cancelled');
	assert.deepEqual(await rig.mailUntold(w), []);
});

test('a document\'s share is cancelled when the document goes to the trash', async () => {
	const w = await rig.world();
	const share = await rig.make.share(w.person, { document: w.document });
	const [queued] = await rig.mailShare(w, share);
	assert.equal(queued.kind, 'document.shared');
	const [other] = await rig.mailShare(w, await rig.make.share(w.person, { document: await rig.make.document(w.folder) }));
	await rig.owner.query('update document set trashed_at = $2 where id = $1', [w.document.id, rig.now()]);
	await rig.mailer();
	await rig.settled(queued.id, 'cancelled');
	await rig.settled(other.id, 'sent');
});

test('of several uploads only those are told that are still there and still seen', async () => {
	const w = await rig.world({ mail_coalesce_seconds: 60 });
	const docs = [];
	for (let i = 0; i < 3; i++)
		docs.push((await rig.mailUpload(w, w.staff)).doc);
	await rig.owner.query('update document set trashed_at = $2 where id = $1', [docs[0].id, rig.now()]);
	await rig.owner.query('update document set folder_id = $2 where id = $1', [docs[1].id, (await rig.make.folder(w.client)).id]);
	rig.setOffset(61);
	await rig.mailer();
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, `New document: ${docs[2].name} (Acme GmbH)`);
	assert.match(mail.links[0], /\/items\/doc_/);
	await rig.mailUpload(w, w.staff, docs[0]);
	const [, gone] = await rig.envelopes();
	rig.setOffset(300);
	assert.match((await rig.settled(gone.id, 'cancelled')).error, /documents/);
});

test('an invitation\'s mail is cancelled when it is revoked, expired, superseded or mailed anew', async () => {
	const w = await rig.world();
	await rig.owner.query("update membership set state = 'invited' where id = $1", [w.person.id]);
	const make = async (more) => {
		await rig.owner.query("update invitation set state = 'superseded' where state = 'open'");
		const invitation = await rig.invitation(w, more);
		const [e] = await rig.mailInvitation(w, invitation);
		return { invitation, e };
	};
	const superseded = await make();
	const open = await make();
	const [anew] = await rig.mailInvitation(w, open.invitation);
	await rig.mailer();
	assert.match((await rig.settled(superseded.e.id, 'cancelled')).error, /closed/);
	assert.match((await rig.settled(open.e.id, 'cancelled')).error, /newer/);
	await rig.settled(anew.id, 'sent');
	assert.equal(rig.sink.mails.length, 1);
	await rig.stopMailers();
	await rig.owner.query("update invitation set state = 'revoked'");
	const expired = await make({ expires_at: new Date(Date.now() + 60_000).toISOString() });
	rig.setOffset(120);
	await rig.mailer();
	assert.match((await rig.settled(expired.e.id, 'cancelled')).error, /expired/);
});

test('an invitation that is closed already cannot be mailed', async () => {
	const w = await rig.world();
	const invitation = await rig.invitation(w, { state: 'revoked' });
	await rig.as(w.firm, async (run) => {
		assert.deepEqual(await run('outbox_mail_invitation', { id: randomUUID(), event: null, invitation: invitation.id }), []);
	});
});

test('nothing of another firm is written, whatever ids are named', async () => {
	const [a, b] = [await rig.world(), await rig.world()];
	await rig.as(a.firm, async (run) => {
		const event = await rig.event(run, a.staff, 'share.created', b.share.id, b.client.id);
		await run('outbox_mail_share', { event, shares: JSON.stringify([b.share.id]) });
		assert.deepEqual(await run('outbox_mail_upload', { event, document: b.document.id, actor: a.owner.id, by_client: true }), []);
	});
	assert.deepEqual(await rig.envelopes(), []);
});

test('the zone and the words are the reader\'s; what is not known falls to English and UTC', async () => {
	const w = await rig.world();
	await rig.owner.query("update membership set timezone = 'Mars/Base', locale = 'xx-YY' where id = $1", [w.person.id]);
	await rig.mailer();
	await rig.mailUpload(w, w.staff);
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.match(mail.text, /, \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)/);
	await rig.owner.query("update membership set timezone = 'Asia/Tokyo' where id = $1", [w.person.id]);
	await rig.mailUpload(w, w.staff);
	const [second] = await rig.sink.wait('', 1, 1, 60_000);
	assert.match(second.text, /\(Asia\/Tokyo\)/);
	assert.equal(headers(second.raw)['mime-version'], '1.0');
	await until(async () => (await rig.envelopes()).every((e) => e.state === 'sent'), 'all');
});
