// TLS is verified and AUTH goes over it; what cannot be verified gets no mail and no password.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { Rig, until } from './rig.mjs';

let rig;
let ca;
let otherCa;
let server;
before(async () => {
	rig = await Rig.start();
	ca = authority('ca');
	otherCa = authority('other');
});
after(() => rig?.stop());
afterEach(async () => {
	await rig.clean();
	server?.close();
	server = undefined;
});

function openssl(...args) {
	execFileSync('openssl', args, { cwd: rig.dir, stdio: 'ignore' });
}

function authority(name) {
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
		'-keyout', `${name}.key`, '-out', `${name}.pem`);
	return { name, file: join(rig.dir, `${name}.pem`) };
}

// Key and certificate for a subject alternative name such as "IP:127.0.0.1".
function certificate(by, san) {
	const name = `leaf-${by.name}-${san.replace(/\W/g, '_')}`;
	writeFileSync(join(rig.dir, `${name}.ext`), `subjectAltName=${san}\n`);
	openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=mail', '-keyout', `${name}.key`, '-out', `${name}.csr`);
	openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by.name}.pem`, '-CAkey', `${by.name}.key`, '-CAcreateserial', '-days', '2',
		'-extfile', `${name}.ext`, '-out', `${name}.pem`);
	return { key: readFileSync(join(rig.dir, `${name}.key`)), cert: readFileSync(join(rig.dir, `${name}.pem`)) };
}

// A mail server with these options; what came in `mails`, who signed in in `users`.
async function listen(options) {
	const mails = [];
	const users = [];
	server = new SMTPServer({
		authOptional: true, disableReverseLookup: true, logger: false, ...options,
		onAuth: (auth, session, next) => {
			users.push({ user: auth.username, method: auth.method, secure: session.secure });
			next(auth.password === 'open sesame' ? null : new Error('no'), { user: auth.username });
		},
		onData: (stream, session, next) => {
			stream.resume();
			stream.on('end', () => { mails.push({ secure: session.secure, user: session.user, tls: session.tlsOptions }); next(); });
		},
	});
	server.on('error', () => {});
	server.listen(0, '127.0.0.1');
	await once(server.server, 'listening');
	return { port: server.server.address().port, mails, users };
}

// Send one mail to that server with these settings; how it ended.
async function send(env, ...states) {
	const w = await rig.world();
	const mailer = await rig.mailer(env);
	const [queued] = await rig.mailShare(w);
	const envelope = await rig.settled(queued.id, ...states);
	assert.ok(!JSON.stringify(mailer.log).includes('sesame'), 'no password in the log');
	return { envelope, mailer };
}

test('STARTTLS with a certificate of the private authority', async () => {
	const { port, mails } = await listen(certificate(ca, 'IP:127.0.0.1'));
	await send({ PORTICO_SMTP_URL: `smtp://127.0.0.1:${port}`, PORTICO_SMTP_TLS: 'required', PORTICO_SMTP_CA_FILE: ca.file }, 'sent');
	assert.equal(mails.length, 1);
	assert.equal(mails[0].secure, true);
});

test('SMTPS with a certificate of the private authority', async () => {
	const { port, mails } = await listen({ secure: true, ...certificate(ca, 'IP:127.0.0.1') });
	await send({ PORTICO_SMTP_URL: `smtps://127.0.0.1:${port}`, PORTICO_SMTP_CA_FILE: ca.file }, 'sent');
	assert.deepEqual(mails.map((m) => m.secure), [true]);
});

const refused = [
	['of another authority', () => certificate(otherCa, 'IP:127.0.0.1'), {}],
	['for another host', () => certificate(ca, 'DNS:elsewhere.example'), {}],
];
for (const [what, cert, more] of refused)
	for (const secure of [false, true])
		test(`a certificate ${what} is refused (${secure ? 'SMTPS' : 'STARTTLS'}), and no password is told`, async () => {
			const { port, mails, users } = await listen({ secure, ...cert() });
			const { envelope, mailer } = await send({
				PORTICO_SMTP_URL: `smtp${secure ? 's' : ''}://127.0.0.1:${port}`, PORTICO_SMTP_TLS: 'required', PORTICO_SMTP_CA_FILE: ca.file,
				PORTICO_SMTP_USER: 'portico', PORTICO_SMTP_PASSWORD: 'open sesame', ...more,
			}, 'deferred');
			assert.match(envelope.error, /certificate|SSL|peer/i);
			assert.deepEqual([mails, users], [[], []]);
			await until(() => mailer.lines('smtp').length, 'the warning');
		});

test('a server without STARTTLS gets nothing where TLS is required', async () => {
	const { port, mails, users } = await listen({ disabledCommands: ['STARTTLS'], hideSTARTTLS: true, allowInsecureAuth: true });
	await send({
		PORTICO_SMTP_URL: `smtp://127.0.0.1:${port}`, PORTICO_SMTP_TLS: 'required', PORTICO_SMTP_CA_FILE: ca.file,
		PORTICO_SMTP_USER: 'portico', PORTICO_SMTP_PASSWORD: 'open sesame',
	}, 'deferred');
	assert.deepEqual([mails, users], [[], []]);
});

test('AUTH over TLS', async () => {
	const { port, mails, users } = await listen({ authOptional: false, ...certificate(ca, 'IP:127.0.0.1') });
	await send({
		PORTICO_SMTP_URL: `smtp://127.0.0.1:${port}`, PORTICO_SMTP_TLS: 'required', PORTICO_SMTP_CA_FILE: ca.file,
		PORTICO_SMTP_USER: 'portico', PORTICO_SMTP_PASSWORD: 'open sesame',
	}, 'sent');
	assert.deepEqual(users.map((u) => [u.user, u.secure]), [['portico', true]]);
	assert.equal(mails[0].user, 'portico');
});

test('a wrong password bounces no mail', async () => {
	const { port, mails } = await listen({ authOptional: false, ...certificate(ca, 'IP:127.0.0.1') });
	const env = {
		PORTICO_SMTP_URL: `smtp://127.0.0.1:${port}`, PORTICO_SMTP_TLS: 'required', PORTICO_SMTP_CA_FILE: ca.file,
		PORTICO_SMTP_USER: 'portico', PORTICO_SMTP_PASSWORD: 'open sesam',
	};
	const { envelope, mailer } = await send(env, 'deferred');
	assert.deepEqual(mails, []);
	await mailer.stop();
	await rig.mailer({ ...env, PORTICO_SMTP_PASSWORD: 'open sesame' });
	await rig.settled(envelope.id, 'sent');
});

test('a server that wants AUTH where none is set bounces no mail', async () => {
	const { port } = await listen({ authOptional: false, disabledCommands: ['STARTTLS'], hideSTARTTLS: true, allowInsecureAuth: true });
	await send({ PORTICO_SMTP_URL: `smtp://127.0.0.1:${port}` }, 'deferred');
});

test('off with smtps does not start', async () => {
	const mailer = await rig.mailer({ PORTICO_SMTP_URL: 'smtps://127.0.0.1:465', PORTICO_SMTP_TLS: 'off' });
	assert.equal((await mailer.stop()).code, 1);
	assert.match(mailer.lines('start')[0].detail, /off.*smtps/);
	mailer.killed = true;
});
