// state.ts - what the database holds, as checksums: for tests of what changes nothing.
import { stack } from './kit.js';

/** Columns that reading may change: who was last seen when, and, with the record of downloads, where its seals stand. */
const READING: Record<string, string[]> = { session: ['last_seen_at'], sequencer: ['audit_sequence', 'audit_hash'] };

/** Rows that go by themselves, when the janitor comes to it. */
const IMPORTS = "i.created_at > (select max(created_at) from import) - interval '80 days'";
const GOING: Record<string, string> = {
  blob: "where t.state <> 'doomed'",
  import: `join import i using (firm_id, id) where ${IMPORTS}`,
  import_row: `join import i on i.firm_id = t.firm_id and i.id = t.import_id where ${IMPORTS}`,
};

/** Every table's content as one checksum each. */
export async function checksums(): Promise<Record<string, string>> {
  const tables = await stack.sql(
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'audit' order by 1",
  );
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const row = `(to_jsonb(t) - array['${(READING[name] ?? []).join("', '")}'])::text`;
    const [sum] = await stack.sql(
      `select md5(coalesce(string_agg(${row}, '|' order by ${row}), '')) as sum from "${name}" t ${GOING[name] ?? ''}`,
    );
    sums[name] = sum.sum;
  }
  return sums;
}

/** The checksums once nothing moves any more. */
export async function quiet(): Promise<Record<string, string>> {
  for (let last = ''; ; ) {
    const now = JSON.stringify(await checksums());
    if (now === last) return JSON.parse(now);
    last = now;
  }
}
