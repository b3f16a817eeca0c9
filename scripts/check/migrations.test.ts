import fc from 'fast-check'
import t from 'tap'
import { type RuleName, rules } from './migrations/rules.ts'
import { compareMigrations } from './migrations.ts'

/** Names and spellings that Postgres takes: quoted or not, with a schema, in any case, between comments. */
interface Spelling {
  table: string
  column: string
  /** Changes keywords and blanks. */
  write(sql: string): string
}

const name = fc.stringMatching(/^[a-z][a-z_]{2,9}$/).map((text) => `x_${text}`)
const blank = fc.constantFrom(' ', '  ', '\n', '\n  -- a comment; DROP TABLE customer\n', ' /* LOCK TABLE a; */ ')

const spelling: fc.Arbitrary<Spelling> = fc
  .record({ table: name, column: name, quoted: fc.boolean(), schema: fc.boolean(), upper: fc.boolean(), blank })
  .map(({ table, column, quoted, schema, upper, blank }) => {
    const quote = (text: string) => (quoted ? `"${text}"` : text)
    return {
      table: `${schema ? 'public.' : ''}${quote(`t_${table}`)}`,
      column: quote(`c_${column}`),
      write: (sql) =>
        sql.replaceAll(/\b[A-Z]{2,}\b/g, (word) => (upper ? word : word.toLowerCase())).replaceAll(' ', () => blank),
    }
  })

type Example = (names: Spelling) => string | string[]

/** Each rule with migrations that break it, and the nearest ones that do not. */
const examples: Record<RuleName, { bad: Example[]; good: Example[] }> = {
  'index-without-concurrently': {
    bad: [
      ({ table, column }) => `CREATE INDEX an_index ON ${table} (${column})`,
      ({ table, column }) => `CREATE UNIQUE INDEX an_index ON ${table} (${column}) WHERE ${column} IS NULL`,
      () => 'DROP INDEX an_index',
      () => 'REINDEX INDEX an_index',
    ],
    good: [
      ({ table, column }) => `CREATE INDEX CONCURRENTLY an_index ON ${table} (${column})`,
      ({ table, column }) => `CREATE TABLE ${table} (${column} INT); CREATE INDEX an_index ON ${table} (${column})`,
      () => 'DROP INDEX CONCURRENTLY an_index',
      () => 'REINDEX INDEX CONCURRENTLY an_index',
    ],
  },
  'concurrently-beside-others': {
    bad: [
      ({ table, column }) =>
        `ALTER TABLE ${table} ADD COLUMN ${column} INT; CREATE INDEX CONCURRENTLY an_index ON ${table} (${column})`,
      ({ table, column }) =>
        `CREATE INDEX CONCURRENTLY an_index ON ${table} (${column}); DROP INDEX CONCURRENTLY another_index`,
    ],
    good: [
      ({ table, column }) => [
        `CREATE INDEX CONCURRENTLY an_index ON ${table} (${column})`,
        'DROP INDEX CONCURRENTLY another_index',
      ],
    ],
  },
  'column-that-rewrites': {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} DOUBLE PRECISION NOT NULL DEFAULT random()`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} UUID DEFAULT gen_random_uuid()`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} TIMESTAMPTZ DEFAULT clock_timestamp()`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN other INT, ADD COLUMN ${column} BIGSERIAL`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT GENERATED ALWAYS AS IDENTITY`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT GENERATED ALWAYS AS (other + 1) STORED`,
    ],
    good: [
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} TIMESTAMPTZ DEFAULT now()`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT NOT NULL DEFAULT 0`,
      ({ table, column }) => `ALTER TABLE ${table} ALTER COLUMN ${column} SET DEFAULT random()`,
      ({ table, column }) => `CREATE TABLE ${table} (${column} BIGSERIAL)`,
    ],
  },
  'column-not-null-without-default': {
    bad: [({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT NOT NULL`],
    good: [
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT DEFAULT 1 NOT NULL`,
    ],
  },
  'set-not-null-without-check': {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL`,
      ({ table, column }) => [
        `ALTER TABLE ${table} ADD CONSTRAINT filled CHECK (${column} IS NOT NULL) NOT VALID`,
        `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL`,
      ],
      ({ table, column }) => [
        `ALTER TABLE ${table} ADD CONSTRAINT filled CHECK (other IS NOT NULL) NOT VALID`,
        `ALTER TABLE ${table} VALIDATE CONSTRAINT filled`,
        `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL`,
      ],
    ],
    good: [
      ({ table, column }) => [
        `ALTER TABLE ${table} ADD CONSTRAINT filled CHECK (${column} IS NOT NULL) NOT VALID`,
        `ALTER TABLE ${table} VALIDATE CONSTRAINT filled`,
        `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL, DROP CONSTRAINT filled`,
      ],
      ({ table, column }) => `ALTER TABLE ${table} ALTER COLUMN ${column} DROP NOT NULL`,
    ],
  },
  'type-change': {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} ALTER COLUMN ${column} TYPE BIGINT`,
      ({ table, column }) => `ALTER TABLE ${table} ALTER ${column} SET DATA TYPE TEXT USING ${column}::TEXT`,
    ],
    good: [({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} BIGINT`],
  },
  rewrite: {
    bad: [
      ({ table }) => `VACUUM FULL ${table}`,
      ({ table }) => `CLUSTER ${table} USING an_index`,
      ({ table }) => `TRUNCATE ${table}`,
      ({ table }) => `ALTER TABLE ${table} SET UNLOGGED`,
      ({ table }) => `ALTER TABLE ${table} SET TABLESPACE fast`,
      ({ table }) => `REFRESH MATERIALIZED VIEW ${table}`,
    ],
    good: [({ table }) => `ALTER TABLE ${table} SET (fillfactor = 90)`],
  },
  rename: {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} RENAME COLUMN ${column} TO other`,
      ({ table }) => `ALTER TABLE ${table} RENAME TO other`,
      () => 'ALTER TYPE change_type RENAME TO other',
      () => `ALTER TYPE change_type RENAME VALUE 'one' TO 'other'`,
    ],
    good: [() => 'ALTER INDEX an_index RENAME TO other', () => `ALTER TYPE change_type ADD VALUE 'other'`],
  },
  drop: {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} DROP COLUMN ${column}`,
      ({ table }) => `DROP TABLE ${table}`,
      () => 'DROP TYPE IF EXISTS change_type CASCADE',
      () => 'DROP FUNCTION outbox_lane(TEXT, TEXT)',
    ],
    good: [({ table, column }) => `ALTER TABLE ${table} ALTER COLUMN ${column} DROP DEFAULT`],
  },
  'constraint-that-validates': {
    bad: [
      ({ table, column }) => `ALTER TABLE ${table} ADD CONSTRAINT one FOREIGN KEY (${column}) REFERENCES ${table} (id)`,
      ({ table, column }) => `ALTER TABLE ${table} ADD CHECK (${column} > 0)`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT REFERENCES ${table} (id)`,
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT UNIQUE`,
      ({ table, column }) => `ALTER TABLE ${table} ADD UNIQUE (${column})`,
      ({ table, column }) => `ALTER TABLE ${table} ADD PRIMARY KEY (${column})`,
      ({ table, column }) => `ALTER TABLE ${table} ADD EXCLUDE (${column} WITH =)`,
    ],
    good: [
      ({ table, column }) =>
        `ALTER TABLE ${table} ADD CONSTRAINT one FOREIGN KEY (${column}) REFERENCES ${table} (id) NOT VALID`,
      ({ table, column }) => `ALTER TABLE ${table} ADD CHECK (${column} > 0) NOT VALID`,
      ({ table }) => `ALTER TABLE ${table} ADD CONSTRAINT one UNIQUE USING INDEX an_index`,
    ],
  },
  'validation-under-lock': {
    bad: [
      ({ table, column }) =>
        `ALTER TABLE ${table} ADD CONSTRAINT one CHECK (${column} > 0) NOT VALID; ALTER TABLE ${table} VALIDATE CONSTRAINT one`,
      ({ table, column }) => `ALTER TABLE ${table} VALIDATE CONSTRAINT one, ALTER COLUMN ${column} SET DEFAULT 1`,
    ],
    good: [({ table }) => `ALTER TABLE ${table} VALIDATE CONSTRAINT one`],
  },
  'several-tables': {
    bad: [
      ({ table, column }) =>
        `ALTER TABLE ${table} ADD COLUMN ${column} INT; ALTER TABLE other ADD COLUMN ${column} INT`,
      ({ table, column }) =>
        `ALTER TABLE ${table} ADD CONSTRAINT one FOREIGN KEY (${column}) REFERENCES other (id) NOT VALID`,
      ({ table, column }) =>
        `CREATE TABLE fresh (${column} INT REFERENCES ${table} (id), more INT REFERENCES other (id))`,
    ],
    good: [
      ({ table, column }) => `ALTER TABLE ${table} ADD COLUMN ${column} INT; ALTER TABLE ${table} ADD COLUMN more INT`,
      ({ table, column }) => `CREATE TABLE fresh (${column} INT REFERENCES ${table} (id)); CREATE TABLE more ()`,
    ],
  },
  'lock-table': {
    bad: [({ table }) => `LOCK TABLE ${table}`],
    good: [({ table }) => `COMMENT ON TABLE ${table} IS 'one'`],
  },
  'own-timeout': {
    bad: [() => `SET lock_timeout = '5s'`, () => 'SET LOCAL statement_timeout = 0', () => 'RESET transaction_timeout'],
    good: [() => `SET LOCAL maintenance_work_mem = '1GB'`],
  },
  'rows-in-bulk': {
    bad: [
      ({ table, column }) => `UPDATE ${table} SET ${column} = 1`,
      ({ table, column }) => `DELETE FROM ${table} WHERE ${column} IS NULL`,
    ],
    good: [
      ({ table, column }) => `INSERT INTO ${table} (${column}) VALUES (1)`,
      ({ table, column }) => `CREATE TABLE ${table} (${column} INT); UPDATE ${table} SET ${column} = 1`,
    ],
  },
  'own-transaction': {
    bad: [() => 'BEGIN; COMMIT', () => 'SAVEPOINT one'],
    good: [() => `CREATE TYPE a_type AS ENUM ('begin', 'commit')`],
  },
  'code-block': {
    bad: [() => 'DO $$ BEGIN END $$', () => 'CALL a_procedure()'],
    good: [
      () =>
        `CREATE FUNCTION one() RETURNS TRIGGER LANGUAGE plpgsql AS $body$ BEGIN LOCK TABLE customer; RETURN NULL; END $body$`,
    ],
  },
}

const migrationsOf = (example: Example, names: Spelling) =>
  [example(names)].flat().map((sql, index) => ({ name: `${index}_step`, sql: names.write(sql) }))

const breaks = (lines: string[], rule: string) => lines.some((line) => line.includes(`: ${rule}: `))

for (const [rule, { bad, good }] of Object.entries(examples)) {
  t.test(
    `${rule}: each example that breaks it is found in every spelling, and the nearest others are not`,
    async (t) => {
      fc.assert(
        fc.property(spelling, (names) => {
          for (const example of bad) {
            const lines = compareMigrations(migrationsOf(example, names), [])
            if (!breaks(lines, rule)) throw new Error(`not found: ${example(names)}\n${lines.join('\n')}`)
          }
          for (const example of good) {
            const lines = compareMigrations(migrationsOf(example, names), [])
            if (lines.length > 0) throw new Error(`found in ${example(names)}:\n${lines.join('\n')}`)
          }
        }),
        { numRuns: 20 },
      )
      t.ok(bad.length > 0 && good.length > 0)
    },
  )
}

t.test('every rule has examples', async (t) => {
  t.same(Object.keys(examples).toSorted(), Object.keys(rules).toSorted())
})

t.test('a violation names the migration, the line, the reason and what to write', async (t) => {
  const sql = '-- First.\nCREATE TABLE a (b INT);\n\n-- Then.\nLOCK TABLE c;\n'
  t.same(compareMigrations([{ name: '1_one', sql }], []), [
    `1_one, line 5: lock-table: ${rules['lock-table'].why}. Write ${rules['lock-table'].instead}.`,
  ])
})

t.test('an exception allows its rules in its migration alone, and is reported when it is not needed', async (t) => {
  const lock = { name: '1_lock', sql: 'LOCK TABLE c' }
  const exception = { migration: '1_lock', rules: ['lock-table'], reason: 'it is empty' } as const
  t.same(compareMigrations([lock], [exception]), [])
  t.equal(compareMigrations([{ ...lock, name: '2_lock' }], [exception]).length, 2)
  t.same(compareMigrations([lock], [{ ...exception, rules: ['lock-table', 'drop'] }]), [
    'exceptions.ts: 1_lock does not break drop',
  ])
})
