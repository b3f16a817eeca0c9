import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requiredSettings, withSettings } from './postgres-settings.ts'

const optionsOf = (url: string) => new URL(url).searchParams.getAll('options').at(-1) ?? ''

t.test('a connection starts with every required setting', async (t) => {
  const options = optionsOf(withSettings('postgresql://u:p@db.example/rekey'))
  for (const [name, value] of Object.entries(requiredSettings)) {
    t.ok(options.includes(`-c ${name}=${value.replaceAll(' ', '\\ ')}`), name)
  }
  t.match(optionsOf(withSettings('postgresql://db.example/rekey', { enable_seqscan: 'off' })), /-c enable_seqscan=off$/)
})

t.test('options and parameters of a URL stay, and the required settings override them', async (t) => {
  const url =
    'postgresql://u:p%40@db.example:1/rekey?sslmode=verify-full&options=-c%20work_mem%3D1MB%20-c%20TimeZone%3DX'
  const set = withSettings(url)
  t.ok(set.startsWith(url))
  t.match(optionsOf(set), /^-c work_mem=1MB -c TimeZone=X -c TimeZone=UTC /)
  t.equal(new URL(set).searchParams.get('sslmode'), 'verify-full')
})

t.test('a password with a lone percent sign does not break the settings', async (t) => {
  const set = withSettings('postgresql://u:100%@db.example/rekey')
  t.notMatch(set.split('?')[1], /%/, 'nothing that a second encoding would change')
})

const root = join(import.meta.dirname, '../../..')
const isTest = (path: string) => /\.(test|fixture|proof)\.ts$|^tests\/|node_modules|\/generated\//.test(path)

/** Programs to compare with, which are not the product. */
const isComparison = (path: string) => /^bench\/(floors|peers|contestants)\//.test(path)

/** Every file that can open a connection to Postgres; tests may open one without these settings. */
const openers = globSync('{services,packages,scripts,prisma,bench}/**/*.ts', { cwd: root })
  .filter((path) => !isTest(path) && !isComparison(path))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
  .filter(({ text }) => /from '(pg|@prisma\/adapter-pg)'/.test(text))

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

t.test('every client of Postgres connects with these settings', async (t) => {
  t.ok(openers.length >= 10, `${openers.length} files`)
  for (const { path, text } of openers) {
    const opened = count(text, /new (pg\.)?(Client|Pool)\(/g)
    t.equal(count(text, /new (pg\.)?(Client|Pool)\(\{\s*connectionString: withSettings\(/g), opened, path)
    // The adapter creates a pool of its own unless it gets one.
    t.equal(count(text, /new (PrismaPg|WholeScripts)\((?!pool[,)])/g), 0, path)
  }
})
