// The mailer sends what is due: once, to whom it may concern, byte for byte the same when it must send again.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { FROM, headers, Rig, sleep, until } from './rig.mjs';

let rig;
before(async () => { rig = await Rig.start(); });
after(() => rig?.stop());
afterEach(() => rig.clean());

test('a share is mailed once, by itself and at once', async () => {
	const w = await rig.world();
	const mailer = await rig.mailer();
	const [queued] = await rig.mailShare(w);
	assert.equal(queued.state, 'queued');
	const [mail] = await rig.sink.wait(w.person.login_email, 1, 0, 60_000);
	const e = await rig.settled(queued.id, 'sent');
	assert.equal(mail.subject, 'Adler & Söhne has shared the folder "Annual accounts" with you');
	assert.equal(mail.from, '', 'the return path is null');
	assert.equal(e.attempts, 1);
	assert.equal(e.subject, mail.subject);
	assert.equal(`<${e.message_id}>`, headers(mail.raw)['message-id']);
	assert.ok(e.sent_at);
	assert.equal(e.error, null);
	assert.match(headers(mail.raw).from, new RegExp(`<${FROM}>$`));
	assert.equal(headers(mail.raw)['auto-submitted'], 'auto-generated');
	assert.deepEqual(mail.links, mail.htmlLinks, 'the same links in both parts');
	assert.match(mail.links[0], /^https:\/\/portal\.example\/items\/fol_[0-9a-z]{26}\?firm=[a-z0-9-]+$/);
	const [delivery] = (await rig.owner.query('select * from delivery where envelope_id = $1', [e.id])).rows;
	assert.deepEqual([delivery.outcome, delivery.smtp_code, delivery.attempt], ['sent', 250, 1]);
	await sleep(600);
	assert.equal(rig.sink.mails.length, 1);
	assert.equal(mailer.lines('delivery').length, 1, 'one log line an attempt');
});

test('Redis wakes it within a moment', async () => {
	const w = await rig.world();
	await rig.mailer({ PORTICO_TEST_MODE: '0' }); // looks by itself only once a second
	await sleep(300);
	const waits = [];
	for (let i = 0; i < 5; i++) {
		const seen = rig.sink.mails.length;
		const [e] = await rig.mailShare(w);
		const start = Date.now();
		rig.ring(e.event_id, w.firm);
		await rig.sink.wait('', 1, seen, 60_000);
		waits.push(Date.now() - start);
	}
	waits.sort((a, b) => a - b);
	assert.ok(waits[2] < 300, `${waits}`);
	await until(() => rig.redis.try('xlen', 'portico:events') === '0', 'the stream to be empty');
	assert.match(rig.redis.try('xinfo', 'groups', 'portico:events'), /pending\n0/);
});

test('an invitation carries a link that is nowhere in the database', async () => {
	const w = await rig.world();
	const invitation = await rig.invitation(w);
	await rig.mailer();
	const [queued] = await rig.mailInvitation(w, invitation);
	const [mail] = await rig.sink.wait(w.person.login_email, 1, 0, 60_000);
	const e = await rig.settled(queued.id, 'sent');
	const [, token] = /^https:\/\/portal\.example\/accept#([A-Za-z0-9_-]{86})$/.exec(mail.links[0]);
	const bytes = Buffer.from(token, 'base64url');
	assert.equal(bytes.subarray(0, 16).toString('hex'), w.firm.id.replaceAll('-', ''));
	assert.equal(bytes.subarray(16, 32).toString('hex'), invitation.id.replaceAll('-', ''));
	assert.ok(!JSON.stringify([e, (await rig.owner.query('select * from event')).rows]).includes(token));
	assert.match(mail.text, /until \d+ \w+ \d{4}, \d\d:\d\d \(Europe\/Berlin\)/);
	const [kept] = (await rig.owner.query('select * from test_mail where envelope_id = $1', [e.id])).rows;
	assert.ok(kept.body_text.includes(token), 'test mode keeps what was sent');
});

test('a staff invitation has words of its own, and the firm its own address', async () => {
	const w = await rig.world({ portal_url: 'https://adler.example', support_email: 'help@adler.example' });
	const invitation = await rig.invitation(w, { audience: 'staff', contact_id: null, client_id: null });
	await rig.mailer();
	const [e] = await rig.mailInvitation(w, invitation);
	assert.equal(e.kind, 'staff_invitation');
	const [mail] = await rig.sink.wait('', 1, 0, 60_000);
	assert.equal(mail.subject, 'Olga Owner invites you to the team of Adler & Söhne');
	assert.ok(mail.links[0].startsWith('https://adler.example/accept#'));
	assert.equal(headers(mail.raw)['reply-to'], '<help@adler.example>');
});

test('a server that is away loses nothing and is found again', async () => {
	const w = await rig.world();
	await rig.sink.stop();
	const mailer = await rig.mailer();
	const [queued] = await rig.mailShare(w);
	const deferred = await rig.settled(queued.id, 'deferred');
	assert.ok(deferred.error);
	await until(() => mailer.lines('delivery').length >= 2, 'a second attempt');
	await rig.sink.start();
	await rig.sink.wait('', 1, 0, 20_000);
	const e = await rig.settled(queued.id, 'sent');
	assert.ok(e.attempts >= 3);
	assert.equal(rig.sink.mails.length, 1);
	assert.deepEqual(mailer.lines('smtp').map((l) => l.level), ['warn', 'info'], 'told once, and once that it is over');
});

test('while the server is away the others are not tried one by one', async () => {
	const w = await rig.world();
	const people = [];
	for (let i = 0; i < 30; i++)
		people.push((await rig.person(w, `Person ${i}`)).share.id);
	await rig.sink.stop();
	const mailer = await rig.mailer();
	await rig.mailShare(w, { id: people });
	await until(() => mailer.lines('smtp').length, 'the pause');
	await sleep(2500);
	assert.ok(mailer.lines('delivery').length <= 13, `${mailer.lines('delivery').length} attempts`);
	await rig.sink.start();
	await rig.sink.wait('', 30, 0, 20_000);
	assert.equal(rig.sink.mails.length, 30);
});

test('refused for now: again later, byte for byte the same', async () => {
	const w = await rig.world();
	await rig.mailer();
	rig.sink.faults = [{ at: 'rcpt', code: 450, text: '4.2.1 come back later', times: 2 }];
	const [queued] = await rig.mailShare(w);
	const first = await rig.settled(queued.id, 'deferred');
	assert.match(first.error, /come back later/);
	const wait = first.due_at - first.updated_at;
	assert.ok(wait >= 15_000 && wait <= 16_500, `${wait}`);
	rig.setOffset(17);
	await until(async () => (await rig.envelope(queued.id)).attempts === 2, 'the second attempt');
	await rig.settled(queued.id, 'deferred');
	rig.setOffset(17 + 50);
	const e = await rig.settled(queued.id, 'sent');
	assert.equal(e.attempts, 3);
	assert.equal(e.error, null);
	assert.equal(rig.sink.mails.length, 1);
	const outcomes = (await rig.owner.query('select outcome from delivery where envelope_id = $1 order by attempt', [e.id])).rows;
	assert.deepEqual(outcomes.map((o) => o.outcome), ['temporary', 'temporary', 'sent']);
});

for (const [text, suppressed] of [['5.1.1 no such person', true], ['no thanks', false]])
	test(`refused for good (${text}): bounced, told as an event${suppressed ? ', never written to again' : ''}`, async () => {
		const w = await rig.world();
		await rig.mailer();
		rig.sink.faults = [{ at: 'rcpt', code: 550, text, times: 1 }];
		const [queued] = await rig.mailShare(w);
		const e = await rig.settled(queued.id, 'bounced');
		assert.match(e.error, new RegExp(text));
		const events = (await rig.owner.query("select * from event where type = 'email.bounced'")).rows;
		assert.deepEqual(events.map((v) => [v.object_type, v.object_id, v.client_id]), [['email', e.id, w.client.id]]);
		const [again] = await rig.mailShare(w);
		const next = await rig.settled(again.id, 'suppressed', 'sent');
		assert.equal(next.state, suppressed ? 'suppressed' : 'sent');
		assert.equal(rig.sink.mails.length, suppressed ? 0 : 1);
	});

test('the sender refused is our fault, not the recipient\'s', async () => {
	const w = await rig.world();
	await rig.mailer();
	rig.sink.faults = [{ at: 'mail', code: 550, text: '5.7.1 who are you', times: 1 }];
	const [queued] = await rig.mailShare(w);
	const e = await rig.settled(queued.id, 'sent');
	assert.equal(e.attempts, 2);
});

test('cut after the final dot: the copies are the same byte for byte, also from another mailer', async () => {
	const w = await rig.world();
	const invitation = await rig.invitation(w);
	await rig.mailer();
	rig.sink.faults = [{ drop: 'keep', times: 1 }];
	const [queued] = await rig.mailInvitation(w, invitation);
	await rig.settled(queued.id, 'deferred');
	const [delivery] = (await rig.owner.query('select * from delivery')).rows;
	assert.equal(delivery.outcome, 'ambiguous');
	await rig.stopMailers();
	await rig.owner.query("update firm set name = 'Renamed' where id = $1", [w.firm.id]);
	rig.setOffset(20);
	await rig.mailer({ PORTICO_PUBLIC_URL: 'https://elsewhere.example', PORTICO_MAIL_FROM: 'other@elsewhere.example' });
	await rig.settled(queued.id, 'sent');
	const [one, two] = rig.sink.mails;
	assert.equal(two.raw, one.raw);
	assert.equal(rig.sink.mails.length, 2);
});

test('cut after the final dot and lost: it arrives all the same', async () => {
	const w = await rig.world();
	await rig.mailer();
	rig.sink.faults = [{ drop: 'lose', times: 1 }];
	const [queued] = await rig.mailShare(w);
	await rig.settled(queued.id, 'deferred');
	rig.setOffset(20);
	await rig.settled(queued.id, 'sent');
	assert.equal(rig.sink.mails.length, 1);
});

test('given up in the end: a dead letter, which can be queued again', async () => {
	const w = await rig.world();
	rig.sink.faults = [{ at: 'rcpt', code: 451, text: 'never' }];
	const [queued] = await rig.mailShare(w);
	await rig.mailer();
	await rig.settled(queued.id, 'deferred');
	rig.setOffset(4 * 86400 - 60);
	await until(async () => (await rig.envelope(queued.id)).attempts >= 2, 'one more attempt');
	rig.setOffset(5 * 86400);
	const e = await rig.settled(queued.id, 'failed');
	assert.ok(e.error);
	rig.sink.faults = [];
	await rig.owner.query("update envelope set state = 'queued', due_at = $2, expires_at = $3 where id = $1", [e.id, rig.now(), new Date(Date.now() + 9 * 86400_000)]);
	await rig.settled(queued.id, 'sent');
});

test('names with line breaks, quotes and other alphabets stay names', async () => {
	const w = await rig.world({ name: '漢字 "Büro" \\ <b>' });
	const names = ['Evil\r\nBcc: victim@x.test\r\n\r\nbody', '"Quoted" <a@b.test>', 'Ανδρέας Παπαδόπουλος 🦊'.repeat(4), '=?UTF-8?B?SGk=?='];
	const people = [];
	for (const name of names)
		people.push(await rig.person(w, name));
	await rig.mailer();
	await rig.mailShare(w, { id: people.map((p) => p.share.id) });
	await rig.sink.wait('', 4, 0, 60_000);
	for (const [i, { person }] of people.entries()) {
		const [mail] = rig.sink.to(person.login_email);
		const head = headers(mail.raw);
		assert.equal(head.bcc, undefined);
		assert.ok(!mail.raw.slice(0, mail.raw.indexOf('\r\n\r\n')).includes('victim'));
		assert.ok(mail.subject.startsWith('漢字 "Büro" \\ <b> has shared'));
		assert.ok(mail.html.includes('漢字 &quot;Büro&quot; \\ &lt;b&gt;'));
		assert.ok(mail.text.includes(names[i].replaceAll(/[\r\n]/g, ' ')), names[i]);
		assert.ok(mail.raw.split('\r\n').every((l) => l.length <= 258 && /^[\x20-\x7e\t]*$/.test(l)));
	}
});

test('an address that cannot be mailed to bounces without a try and holds nothing up', async () => {
	const w = await rig.world();
	const odd = await rig.person(w, 'Odd');
	const [bad] = await rig.mailShare(w, odd.share);
	await rig.owner.query("update envelope set to_email = 'ä@x.test> x' where id = $1", [bad.id]);
	const [good] = await rig.mailShare(w);
	await rig.mailer();
	await rig.settled(good.id, 'sent');
	const e = await rig.settled(bad.id, 'bounced');
	assert.match(e.error, /not one that mail can be sent to/);
	assert.equal(rig.sink.mails.length, 1);
});

test('an envelope of a kind without template fails alone', async () => {
	const w = await rig.world();
	const [bad] = await rig.mailShare(w);
	await rig.owner.query("update envelope set kind = 'nothing.known' where id = $1", [bad.id]);
	const [good] = await rig.mailShare(w);
	const [frozen] = await rig.mailShare(w);
	await rig.owner.query("update envelope set frozen = '[1]' where id = $1", [frozen.id]);
	await rig.mailer();
	await rig.settled(good.id, 'sent');
	assert.match((await rig.settled(bad.id, 'failed')).error, /no template/);
	assert.match((await rig.settled(frozen.id, 'failed')).error, /frozen/);
});

test('SIGTERM: what is under way ends and is recorded', async () => {
	const w = await rig.world();
	const mailer = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 1500, times: 1 }];
	const [queued] = await rig.mailShare(w);
	await until(() => rig.sink.faults.length === 0, 'the attempt');
	assert.deepEqual(await mailer.stop(), { code: 0, signal: null });
	assert.equal((await rig.envelope(queued.id)).state, 'sent');
});

test('a mail server that is slow to answer one final dot holds up no other mail', async () => {
	const w = await rig.world();
	const ben = await rig.person(w, 'Ben');
	await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 4000, to: w.person.login_email }];
	const [slow] = await rig.mailShare(w);
	await until(async () => (await rig.envelope(slow.id)).attempts === 1, 'the attempt');
	await sleep(300);
	for (let i = 0; i < 3; i++) {
		const [e] = await rig.mailShare(w, ben.share);
		const start = Date.now();
		await rig.settled(e.id, 'sent');
		assert.ok(Date.now() - start < 1500);
	}
	assert.equal((await rig.envelope(slow.id)).state, 'queued');
	await rig.settled(slow.id, 'sent');
});

test('P23 one firm with very many mails does not hold up another', async () => {
	const busy = await rig.world();
	const other = await rig.world();
	const shares = [];
	for (let i = 0; i < 120; i++)
		shares.push((await rig.person(busy, `P ${i}`)).share.id);
	await rig.mailShare(busy, { id: shares });
	await rig.mailShare(other);
	rig.sink.faults = [{ at: 'data', delay_ms: 30 }];
	await rig.mailer();
	const [mail] = await rig.sink.wait(other.person.login_email, 1, 0, 10_000);
	assert.ok(mail.n <= 15, `came as number ${mail.n}`);
	await rig.sink.wait('', 121, 0, 20_000);
	assert.equal(new Set(rig.sink.mails.map((m) => m.messageId)).size, 121);
});
