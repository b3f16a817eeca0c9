import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startSilent } from './breakages.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-doctor-hanging-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

t.test('the doctor ends within 30 s when every server hangs, over TLS too', async (t) => {
  const at = `127.0.0.1:${await startSilent(t)}`
  for (const [index, secure] of [false, true].entries()) {
    const http = secure ? 'https' : 'http'
    const variables = {
      REKEY_PROFILE: 'sandbox',
      PORT: '1',
      NATS_URL: `${secure ? 'tls' : 'nats'}://${at},${secure ? 'tls' : 'nats'}://${at}`,
      REDIS_URL: `${secure ? 'rediss' : 'redis'}://${at}`,
      DATABASE_URL: `postgres://a:b@${at}/c${secure ? '?sslmode=require' : ''}`,
      SMTP_URL: `${secure ? 'smtps' : 'smtp'}://${at}`,
      REKEY_PUBLIC_URL: `${http}://${at}`,
      ...Object.fromEntries(
        ['PASSWORD_SERVICE', 'JWKS', 'SMS', 'BREACH', 'IDP_JWKS'].map((name) => [
          `REKEY_${name}_URL`,
          `${http}://${at}`,
        ]),
      ),
    }
    const file = join(dir, `${index}.env`)
    writeFileSync(
      file,
      Object.entries(variables)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    const startedMs = performance.now()
    const stdout = await new Promise<string>((done) => {
      execFile(process.execPath, [join(import.meta.dirname, '../doctor.ts'), '--env', file], (_error, text) =>
        done(text),
      )
    })
    const tookMs = performance.now() - startedMs
    t.ok(tookMs < 30_000, `${Math.round(tookMs)} ms`)
    for (const check of ['redis connection', 'database connection', 'broker connection', 'mail server', 'gateway keys'])
      t.match(stdout, new RegExp(`^FAIL .* ${check} `, 'm'), check)
  }
})
