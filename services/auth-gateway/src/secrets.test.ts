import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCustomer, sql } from '@rekey/testing/customers'
import { askChange, askLogin, askRestore, change, restore, restoreBody, verificationBody } from '@rekey/testing/flows'
import { startRekey } from '@rekey/testing/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey

/** Every value in Redis, whatever its kind. */
const redisContents = async () => {
  const redis = new Redis(rekey.redis.url)
  const values = []
  for (const key of await redis.keys('*')) {
    const value = (await redis.type(key)) === 'hash' ? JSON.stringify(await redis.hgetall(key)) : await redis.get(key)
    values.push(`${key} ${value}`)
  }
  await redis.quit()
  return values.join('\n')
}

/** Every message in every stream, headers and all. */
const streamContents = async () => {
  const connection = await connect({ servers: rekey.nats.url })
  const jsm = await connection.jetstreamManager()
  const found: string[] = []
  for (const stream of await jsm.streams.list().next()) {
    const { state } = await jsm.streams.info(stream.config.name)
    for (let sequence = state.first_seq; sequence <= state.last_seq; sequence += 1) {
      const message = await jsm.streams.getMessage(stream.config.name, { seq: sequence }).catch(() => undefined)
      if (message) found.push(`${message.subject} ${message.header} ${message.string()}`)
    }
  }
  await connection.close()
  return found.join('\n')
}

/** Every row of every table. */
const databaseContents = async () => {
  const tables = await sql<{ name: string }>(
    rekey.postgres.url,
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  )
  const rows = await Promise.all(tables.map(({ name }) => sql(rekey.postgres.url, `SELECT * FROM "${name}"`)))
  return JSON.stringify(rows)
}

const claimsOf = (token: unknown) =>
  String(token)
    .split('.')
    .slice(0, 2)
    .map((part) => Buffer.from(part, 'base64url').toString())
    .join()

t.test('S9 S35 a code is found in its message and nowhere else, nor is a password or a token in any log', async (t) => {
  const planted: { what: string; secret: string }[] = []
  const answers: string[] = []
  const plant = (what: string, secret: unknown) => planted.push({ what, secret: String(secret) })
  const customers = await Promise.all(Array.from({ length: 4 }, () => createCustomer(rekey.postgres.url)))

  for (const customer of customers) {
    const login = await askLogin(rekey, customer)
    plant('code of a sign-in', login.confirmation)
    answers.push(login.answer.text, claimsOf(login.answer.body.mfa_token))
    const token = await http.post('/oauth/v2/token', {
      grant_type: 'mfa_oob',
      mfa_token: login.answer.body.mfa_token,
      code: login.confirmation,
    })
    const accessToken = String(token.body.access_token)
    const refreshToken = String(token.body.refresh_token)
    answers.push(token.text, claimsOf(accessToken))
    const refreshed = await http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: refreshToken })
    answers.push(refreshed.text)

    const opened = await askChange(rekey, customer, accessToken)
    plant('code of a change', opened.confirmation)
    answers.push(opened.answer.text, claimsOf(opened.answer.body.token))
    const body = { token: opened.answer.body.token, code: opened.confirmation }
    const verified = await http.post('/api/v2/my/2fa/challenge', body)
    answers.push(verified.text, claimsOf(verified.body.successToken))
    const chosen = `chosen-${customer.code}`
    await change(rekey, accessToken, String(verified.body.successToken), chosen)

    const asked = await askRestore(rekey, customer.email)
    plant('code of a restore', asked.confirmation)
    answers.push(asked.answer.text, claimsOf(asked.answer.body.mfa_token))
    const mfaToken = asked.answer.body.mfa_token
    const given = await http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(mfaToken, asked.confirmation),
    )
    answers.push(given.text, claimsOf(given.body.sign_token))
    const restored = `restored-${customer.code}`
    await restore(rekey, String(given.body.sign_token), restored)

    // Asked for and left open, so that Redis holds challenges while it is searched.
    plant('code of an open restore', (await askRestore(rekey, customer.email)).confirmation)
    for (const password of [customer.password, chosen, restored]) plant('password', password)
    for (const secret of [
      accessToken,
      refreshToken,
      refreshed.body.refresh_token,
      verified.body.successToken,
      given.body.sign_token,
      mfaToken,
    ])
      plant('token', secret)
  }

  const files = readdirSync(rekey.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const places: Record<string, string> = {
    answers: answers.join('\n'),
    logs: rekey.logs.join('\n'),
    Redis: await redisContents(),
    'files of Redis and the broker': files
      .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'))
      .join('\n'),
    streams: await streamContents(),
    Postgres: await databaseContents(),
  }
  for (const [place, text] of Object.entries(places)) t.ok(text.length > 100, `${place} was read`)
  for (const { what, secret } of planted) {
    // Six digits alone can stand in a longer number by chance, so they are searched for as a word of their own.
    const found = new RegExp(`(?<![\\w.-])${secret}(?![\\w-])`)
    for (const [place, text] of Object.entries(places)) {
      if (place === 'answers' && what === 'token') continue
      t.notOk(found.test(text), `${what} in ${place}`)
    }
  }
  // The search finds what is there: the verification code, which is no secret.
  const { answer } = await askRestore(rekey, customers[0]?.email ?? '')
  const shown = new RegExp(`(?<![\\w.-])${answer.body.code}(?![\\w-])`)
  for (const text of [answer.text, await redisContents(), await streamContents()]) t.ok(shown.test(text))

  for (const { email, phone } of customers) {
    t.notOk(places.logs?.includes(email), 'no address in a log')
    t.notOk(places.streams?.includes(email) || places.streams?.includes(phone), 'no address in a stream')
    t.notOk(places.Redis?.includes(email), 'no address in Redis')
  }
})

t.test('S35 log lines are JSON with a UTC time, a severity and a trace id that spans the services', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email), {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  })
  await rekey.inbox.waitForMessage(customer.email)
  const lines = rekey.logs.map((line) => JSON.parse(line))
  for (const line of lines) t.match(line, { time: /^\d{4}-.*Z$/, severity: String, service: String })
  const services = new Set(lines.filter((line) => line.traceId === traceId).map(({ service }) => service))
  t.same([...services].sort(), ['auth-gateway', 'notifier', 'password-service'])
})

t.test('S35 the security events of a restore and a change are logged with who, how and from where', async (t) => {
  const lines = rekey.logs.map((line) => JSON.parse(line)).filter(({ event }) => event)
  const events = new Set(lines.map(({ event }) => event))
  for (const event of [
    'authn_challenge_sent',
    'authn_challenge_success',
    'authn_login_success',
    'authn_password_change',
    'authn_password_restore',
  ]) {
    t.ok(events.has(event), event)
  }
  t.match(
    lines.find(({ event }) => event === 'authn_password_change'),
    { clientId: 'ib_localhost', address: String, actor: 'client' },
  )
})
