import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@rekey/local-servers/ports'
import t from 'tap'
import { findEnvironments } from './environments.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-doctor-command-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const write = (name: string, text: string) => {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

const doctor = async (...args: string[]) => {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
  const env = { PATH, NODE_COMPILE_CACHE, REKEY_DATA_DIR: join(dir, 'no-sandbox') }
  try {
    const script = join(import.meta.dirname, '../doctor.ts')
    return { code: 0, ...(await promisify(execFile)(process.execPath, [script, ...args], { env })) }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

t.test('a failure makes the exit code 1, wrong options make it 2, and each says what is wrong', async (t) => {
  const port = await freePort()
  const notifier = write(
    'notifier.env',
    `REKEY_PROFILE=sandbox\nPORT=1\nSMTP_URL=smtp://sender:planted-secret@127.0.0.1:${port}\nNATS_URL=nats://127.0.0.1:${port}\n`,
  )
  const [failed, json, help, ...wrong] = await Promise.all([
    doctor('--env', notifier),
    doctor('--env', `notifier=${notifier}`, '--json', '--strict'),
    doctor('--help'),
    doctor(),
    doctor('--env', join(dir, 'missing.env')),
    doctor('--env', `mailer=${notifier}`),
    doctor('--env', notifier, '--service', 'auth-gateway'),
    doctor('--colour'),
  ])
  t.equal(failed.code, 1)
  t.match(failed.stdout, /^FAIL +notifier +configuration +REKEY_PUBLIC_URL is missing/m)
  t.match(failed.stdout, /^FAIL +notifier +mail server .*ECONNREFUSED/m)
  t.match(failed.stdout, /^skip +notifier +streams +not checked: needs "broker connection"$/m)
  t.match(failed.stdout, /\d+ ok, \d+ warnings, \d+ failures, \d+ not checked\n$/)
  t.equal(json.code, 1)
  const { failures, lines } = JSON.parse(json.stdout)
  t.equal(failures, lines.filter(({ level }: { level: string }) => level === 'FAIL').length)
  t.notMatch(`${failed.stdout}${json.stdout}`, 'planted-secret')
  t.match(help, { code: 0, stdout: /--strict/ })
  const reasons = [
    /no sandbox runs here/,
    /missing\.env cannot be read: ENOENT/,
    /mailer is no service/,
    /no variables of the auth-gateway/,
    /colour/,
  ]
  for (const [index, reason] of reasons.entries()) t.match(wrong[index], { code: 2, stderr: reason })
})

t.test('files of variables are joined, and a file of one service wins', (t) => {
  const shared = write('shared.env', 'NATS_URL=nats://a\nREDIS_URL=redis://a\nSMTP_URL=smtp://a\n')
  const later = write('later.env', 'REDIS_URL=redis://b\n')
  const own = write('own.env', 'SMTP_URL=smtp://own\n')
  const find = (files: string[], only: string[] = []) =>
    findEnvironments({ files, only, environment: {}, dataDir: join(dir, 'no-sandbox') })
  t.same(Object.keys(find([shared])), ['auth-gateway', 'notifier'])
  const found = find([shared, `notifier=${own}`, later])
  t.equal(found['auth-gateway']?.REDIS_URL, 'redis://b')
  t.match(found.notifier, { SMTP_URL: 'smtp://own', NATS_URL: 'nats://a' })
  t.same(Object.keys(find([shared], ['notifier'])), ['notifier'])
  t.end()
})
