import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type EventDefinition, rpcs, streams } from '@rekey/contracts'
import t from 'tap'

// What the runbook names exists: its metrics, events, commands and variables.

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const runbook = read('docs/operations.md')
const sources = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) =>
    /\.(ts|mjs|sql|lua|sh|json|ya?ml|conf|acl|ini|prisma|example)$|(^|\/)(Dockerfile|node-arguments)$/.test(path),
  )
  .filter(
    (path) =>
      !path.startsWith('scripts/docs/') &&
      !path.startsWith('docs/') &&
      !path.endsWith('.test.ts') &&
      existsSync(join(root, path)),
  )
const code = sources.map(read).join('\n')

const namedIn = (text: string, pattern: RegExp) => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
]
const named = (pattern: RegExp) => namedIn(runbook, pattern)
const words = new Set(code.match(/[A-Za-z_][A-Za-z0-9_]*/g))

// The names of some metrics have one beginning, which the code states once.
const beginnings = [...code.matchAll(/`(rekey_[a-z_]+_)\$\{/g)].map(([, beginning = '']) => beginning)
const exists = (name: string) =>
  words.has(name) ||
  beginnings.some((beginning) => name.startsWith(beginning) && words.has(name.slice(beginning.length)))

t.test('every metric that a page names is exported', async (t) => {
  const pages = readdirSync(join(root, 'docs')).filter((page) => page.endsWith('.md'))
  const metrics = namedIn(
    pages.map((page) => read(`docs/${page}`)).join('\n'),
    /\b(rekey_[a-z_]+[a-z])(?=[\s`{}(),;:.]|$)/g,
  ).filter((name) => !/^rekey_(owner|service)$/.test(name))
  t.ok(metrics.length > 20)
  for (const name of metrics) t.ok(exists(name), name)
})

t.test('every name in code that looks like one of a log event, a table, a setting or a reason exists', async (t) => {
  const names = named(/`([a-z]+(?:_[a-z0-9]+)+)`/g)
  t.ok(names.length > 80)
  // Settings of Postfix and of Postgres, which no code of this repository names.
  const foreign = ['smtpd_client_connection_count_limit', 'transport_maps', 'archive_command']
  for (const name of names) t.ok(exists(name) || foreign.includes(name), name)
})

t.test('every event and RPC that the runbook names is in the contracts', async (t) => {
  const events = Object.values(streams).flatMap(({ events }) => events as readonly EventDefinition[])
  const known = new Set([...events.map(({ type }) => type), ...rpcs.map(({ subject }) => subject)])
  const names = named(/`((?:auth|password|account|notify|message|customers|sessions?)\.[a-z-]+(?:\.[a-z-]+)*)`/g)
  t.ok(names.length > 15)
  for (const name of names) t.ok(known.has(name), name)
})

/** The text of a command's script and of the folder beside it. */
const sourceOf = (command: string): string => {
  const [, script = ''] = / (\S+\.ts)(?: |$)/.exec(JSON.parse(read('package.json')).scripts[command] ?? '') ?? []
  if (script === '') return ''
  const folder = script.replace(/\.ts$/, '')
  const files =
    existsSync(join(root, folder)) && statSync(join(root, folder)).isDirectory()
      ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
      : []
  return [script, ...files.map((file) => join(folder, file))].map(read).join('\n')
}

t.test('every command that the runbook names exists, with the subcommand and the options that it shows', async (t) => {
  const { scripts } = JSON.parse(read('package.json'))
  const commands = [...runbook.matchAll(/npm run ([a-z:-]+)(?: -- ([^`\n#]*))?/g)]
  t.ok(commands.length > 25)
  for (const [line, command = '', rest = ''] of commands) {
    t.ok(command in scripts, line)
    const [first = '', ...others] = rest.trim().split(/\s+/)
    if (/^[a-z-]+$/.test(first) && !/\.ts$/.test(rest)) t.ok(sourceOf(command).includes(first), line)
    for (const option of [first, ...others].flatMap((word) => /^\[?--([a-z-]+)/.exec(word)?.[1] ?? [])) {
      t.ok(sourceOf(command).includes(option), `${line}: --${option}`)
    }
  }
})

t.test(
  'every variable that the runbook names is documented in .env.example, or read by a script or deploy/',
  async (t) => {
    const variables = named(/\b((?:REKEY|NATS|SMTP|REDIS|DATABASE)_[A-Z0-9_]*[A-Z0-9])(?![A-Z0-9_*…])/g)
    t.ok(variables.length > 50)
    for (const name of variables) t.ok(words.has(name), name)
  },
)
