import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@rekey/local-servers/ports'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { paste, readmeCommands } from './readme-commands.fixture.ts'

// The time of somebody who reads only the README: clone, npm start, paste the three commands. npm's packages may be in
// its cache already; without it the first start also fetches them.

t.setTimeout(900_000)
const root = resolve(import.meta.dirname, '../..')

t.test('a clone restores its first password', async (t) => {
  // On the disk of the repository: pnpm links packages from its store there, as it does for a user.
  const parent = join(root, '.rekey')
  mkdirSync(parent, { recursive: true })
  const scratch = mkdtempSync(join(parent, 'clone-'))
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
  const clone = join(scratch, 'rekey')
  const [port, inboxPort] = await Promise.all([freePort(), freePort()])

  const begun = performance.now()
  const since = () => `${((performance.now() - begun) / 1_000).toFixed(1)} s`
  await promisify(execFile)('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, clone])
  t.comment(`cloned after ${since()}`)

  // A process group of its own: npm passes no signal on to what it runs.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|_?TAP|REKEY_|NODE_|TMPDIR|REDIS_URL|NATS_URL)/i.test(name)),
  )
  const sandbox = spawn('npm', ['start'], {
    cwd: clone,
    env: { ...env, PORT: String(port), INBOX_PORT: String(inboxPort) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((done) => sandbox.once('close', () => done()))
  t.teardown(async () => {
    if (sandbox.pid !== undefined && sandbox.exitCode === null) process.kill(-sandbox.pid, 'SIGINT')
    await ended
  })
  let output = ''
  for (const stream of [sandbox.stdout, sandbox.stderr])
    stream.setEncoding('utf8').on('data', (data) => (output += data))
  await eventually(() => output.includes('Paste into another terminal') || sandbox.exitCode !== null, {
    what: 'the banner',
    timeoutMs: 600_000,
  })
  if (!output.includes('Paste into another terminal')) throw new Error(`npm start ended:\n${output}`)
  t.comment(`npm start ready after ${since()}`)

  t.match(await paste(readmeCommands(clone), { port, inboxPort }), /^HTTP\/1.1 204 No Content/)
  t.comment(`first password restored after ${since()}`)
})
