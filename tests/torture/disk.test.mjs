// disk.test.mjs - the disk of the documents is full: uploads are told so, everything else works, nothing is broken after.
//
// The disk is a small tmpfs that the test mounts, for which it must be root.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { none, rig as startRig, until } from './rig.mjs';
import { office, sha256, signIn, unique } from './office.mjs';

const DISK_MB = 320; // room for all that the tests keep, beside the reserve
const RESERVE_MB = 64; // what the API leaves free
const MB = 1024 * 1024;

/** A tmpfs, or the reason why there is none. @returns {{ disk: string } | { why: string }} */
function mount() {
  if (process.getuid?.() !== 0) return { why: 'only root can mount a small disk' };
  const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'pdisk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=0777`, 'tmpfs', disk], { stdio: 'pipe' });
    for (const name of ['store', 'spool']) {
      fs.mkdirSync(path.join(disk, name));
      fs.chmodSync(path.join(disk, name), 0o777);
    }
    return { disk };
  } catch (error) {
    fs.rmdirSync(disk);
    return { why: `mount: ${error}` };
  }
}

const mounted = mount();
const disk = 'disk' in mounted ? mounted.disk : '';
const filler = path.join(disk, 'filler');

describe('the disk is full', { skip: 'why' in mounted ? mounted.why : false }, () => {
  /** @type {import('./rig.mjs').Rig} */ let rig;
  /** @type {import('./office.mjs').Office} */ let firm;
  /** @type {any} */ let kept;
  const bytes = Buffer.alloc(20 * MB, 'portico ');
  const client = () => /** @type {import('./office.mjs').Client} */ (firm.clients[0]);
  const upload = (/** @type {Buffer} */ body, key = unique('disk-key'), name = `${unique('d')}.bin`) =>
    rig.ask(`/v1/documents?folder_id=${client().drop}&name=${name}`, { as: firm.owner, body, key });

  const free = () => {
    const s = fs.statfsSync(disk);
    return Number(s.bavail) * Number(s.bsize);
  };

  /** Leave just so much free. @param {number} left */
  function fill(left) {
    fs.rmSync(filler, { force: true });
    const size = free() - left;
    const fd = fs.openSync(filler, 'w');
    try {
      for (let done = 0; done < size; done += MB) fs.writeSync(fd, Buffer.alloc(Math.min(MB, size - done)));
    } catch (error) {
      if (left > 0 || /** @type {any} */ (error).code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(fd);
    }
  }

  before(async () => {
    rig = await startRig({ PORTICO_STORE_DIR: path.join(disk, 'store'), PORTICO_SPOOL_DIR: path.join(disk, 'spool') });
    firm = await office(rig, 1, 1);
    const answer = await upload(bytes);
    assert.equal(answer.status, 201, answer.body.toString());
    kept = answer.json;
  });
  after(async () => {
    await rig?.end();
    if (disk) execFileSync('umount', ['-l', disk]);
    if (disk) fs.rmdirSync(disk);
  });

  const refused = (/** @type {Awaited<ReturnType<typeof upload>>} */ answer) =>
    assert.equal(`${answer.status} ${answer.json?.code}`, '507 quota_exceeded', answer.body.toString());

  /** Reading, signing in, and writing what needs no disk of documents. */
  async function restWorks() {
    const content = await rig.ask(`/v1/documents/${kept.id}/content`, { as: firm.owner });
    assert.equal(content.status, 200);
    assert.equal(sha256(content.body), sha256(bytes));
    await rig.ok('/v1/clients', { as: firm.owner });
    await rig.ok('/v1/portal/home', { as: client().people[0] });
    await signIn(rig, firm.slug, 'staff', firm.owner.email, rig.stack.demo?.owner.password);
    await rig.ok('/v1/folders', { as: firm.owner, json: { client_id: client().id, name: unique('F') } });
  }

  /** What the folder shows, and what is on the disk: nothing by halves. @param {string[]} ids */
  async function shows(ids) {
    const list = await rig.ok(`/v1/documents?folder_id=${client().drop}&limit=100`, { as: firm.owner });
    assert.deepEqual(list.data.map((/** @type {any} */ d) => d.id).sort(), [...ids].sort());
    await until(() => rig.storeIsClean(), 15_000, 'the store holds what the database knows');
  }

  test('P17: an upload that would not fit is refused with 507 before its body', async () => {
    fill(RESERVE_MB * MB + 5 * MB);
    refused(await upload(bytes));
    await restWorks();
    const small = await upload(Buffer.alloc(MB));
    assert.equal(small.status, 201);
    await rig.ok(`/v1/documents/${small.json.id}`, { as: firm.owner, method: 'DELETE' });
  });

  test('P17: with nothing left, uploads of any size are refused with 507, reads and sign-in work', async () => {
    const before_ = rig.files(path.join(rig.storeDir, 'blobs')).length;
    fill(0);
    for (const size of [1, 1000, 100_000, 3 * MB]) refused(await upload(Buffer.alloc(size)));
    await restWorks();
    assert.equal(rig.files(path.join(rig.storeDir, 'blobs')).length, before_);
    assert.deepEqual(rig.files(rig.spoolDir), []);
  });

  test(
    'P17 P6: a disk that fills up while bodies arrive: 507 or 201, and what is not 201 is not there',
    { timeout: 120_000 },
    async () => {
      fill(RESERVE_MB * MB + 25 * MB); // room for each of them, but not for all
      const [row] = await rig.stack.sql('select count(*)::int as n from document');
      const answers = await Promise.all(Array.from({ length: 8 }, () => upload(bytes)));
      const statuses = answers.map((a) => `${a.status} ${a.json?.code ?? ''}`);
      console.log(statuses.join(', '));
      none(
        statuses.filter((s) => s !== '201 ' && s !== '507 quota_exceeded'),
        'answers that are neither 201 nor 507',
      );
      assert.ok(statuses.includes('507 quota_exceeded'), 'none was refused');
      const made = answers.filter((a) => a.status === 201);
      assert.equal((await rig.stack.sql('select count(*)::int as n from document'))[0].n, row.n + made.length);
      for (const a of made) {
        const content = await rig.ask(`/v1/documents/${a.json.id}/content`, { as: firm.owner });
        assert.equal(sha256(content.body), sha256(bytes));
      }
      await shows([kept.id, ...made.map((a) => a.json.id)]);
      await restWorks();
    },
  );

  test('P17: with room again the same request works, with the same key', async () => {
    fill(0);
    const key = unique('disk-key');
    const name = `${unique('again')}.bin`;
    refused(await upload(Buffer.from('again'), key, name));
    fs.rmSync(filler);
    const answer = await upload(Buffer.from('again'), key, name);
    assert.equal(answer.status, 201, answer.body.toString());
    assert.equal(answer.json.name, name);
    await until(() => rig.storeIsClean(), 15_000, 'the store holds what the database knows');
  });
});
