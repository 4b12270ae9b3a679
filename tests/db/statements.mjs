// statements.mjs - the named statements of the programs, as the build embeds them, each with its role.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

// Whose connection runs the statements of a file: the first match counts.
const ROLES = [
	[/^api\/ctl\//, 'portico_owner'],
	[/^api\/relay\.sql$/, 'portico_relay'],
	[/^mailer\/janitor\.sql$/, 'portico_janitor'],
	[/^mailer\//, 'portico_mailer'],
	[/^(api|shared)\//, 'portico_api'],
];

export const sqlFiles = () => ['api', 'mailer', 'shared'].flatMap((dir) =>
	readdirSync(join(ROOT, dir), { recursive: true }).map((name) => join(dir, String(name))))
	.filter((name) => name.endsWith('.sql')).sort();

// [{ file, name, text, nparams, params, role }], read from what the generator makes of every .sql file.
export function statements() {
	return sqlFiles().flatMap((file) => {
		const header = execFileSync('awk', ['-f', 'shared/io/sqlgen.awk', file], { cwd: ROOT, encoding: 'utf8' });
		const role = ROLES.find(([pattern]) => pattern.test(relative('.', file)))[1];
		return [...header.matchAll(/\.name = "(\w+)",\s*\.text = ((?:"(?:[^"\\]|\\.)*"\s*)+),\s*\.nparams = (\d+),(?:\s*\.params = \(const char \*const\[\]\)\{([^}]*)\})?/g)].map((m) => ({
			file, role, name: m[1], nparams: Number(m[3]), params: JSON.parse(`[${m[4] ?? ''}]`),
			text: [...m[2].matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([literal]) => JSON.parse(literal.replaceAll('\t', '\\t'))).join(''),
		}));
	});
}

// begin, commit and their like are not planned, so there is nothing to explain.
export const isPlanned = (statement) => /^\s*(with|select|insert|update|delete|values|merge)\b/i.test(statement.text);

// PREPAREs a statement on `db` as `name` and returns the text of an EXECUTE with nulls.
export async function prepare(db, statement, name = 'p') {
	await db.query(`prepare ${name} as ${statement.text}`);
	const { rows } = await db.query('select cardinality(parameter_types) as n from pg_prepared_statements where name = $1', [name]);
	const nulls = Array(rows[0].n).fill('null').join(', ');
	return `execute ${name}${nulls && ` (${nulls})`}`;
}
