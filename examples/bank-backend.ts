// A bank's back end: its browsers and apps talk to it alone, and it calls the gateway as a confidential client. It
// restores a forgotten password, signs a customer in, and changes the password. Run it against the sandbox:
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node examples/bank-backend.ts              in another
//   curl -i -c jar -b jar localhost:3000/forgot -d '{"username":"bpmtestusr1@gmail.com"}'
//
// REKEY_URL, PORT, CLIENT_ID and CLIENT_SECRET replace the sandbox's. docs/integrate.md has every request.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { type BegunRestore, createClient, RekeyError, type RestoreGrant } from '@rekey/client'

const { REKEY_URL = 'http://localhost:8080', PORT = '3000' } = process.env
const { CLIENT_ID = 'bank_backend', CLIENT_SECRET = 'bank-secret' } = process.env
const redirectUri = 'http://localhost:3000/'
const rekey = createClient({ baseUrl: REKEY_URL, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri })
/** Client authentication of the calls that are not part of a restore. */
const secret = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET }

/** The session of a browser at the bank. It keeps tokens and grants on the server: a script in the page must not read them. */
interface Session {
  restore?: BegunRestore
  grant?: RestoreGrant
  /** The challenge of a sign-in, after its code was sent. */
  signIn?: string
  accessToken?: string
  /** The challenge of a change. */
  change?: string
}
const sessions = new Map<string, Session>()

interface Input {
  username: string
  password: string
  code: string
}

/** One step of a customer: what it does, and what the browser gets. */
type Step = (session: Session, input: Input, ip: string) => Promise<object>

/** The value that an earlier step stored. @throws Error if the customer skipped that step */
const stored = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('an earlier step is missing')
  return value
}

const steps: Record<string, Step> = {
  // A1. `ip` is the customer's: rate limits count it, since the client authenticates itself.
  async '/forgot'(session, { username }, ip) {
    session.restore = await rekey.beginRestore({ username, ip })
    return { verificationCode: session.restore.verificationCode }
  },
  // A2.
  async '/forgot/confirm'(session, { code }) {
    session.grant = await rekey.confirmRestore(stored(session.restore), code)
    delete session.restore
    return {}
  },
  // B2.
  async '/forgot/password'(session, { password }) {
    await rekey.setPassword(stored(session.grant), password)
    delete session.grant
    return {}
  },
  // A4, then A4b for the first device that the gateway offers.
  async '/sign-in'(session, { username, password }, ip) {
    const request = { client_timezone: '+0', response_type: 'access_token' as const, state: randomUUID(), ip }
    const { challenge_type, mfa_token } = await rekey.login({
      ...request,
      ...secret,
      redirect_uri: redirectUri,
      scope: 'CUSTOMER:FULL',
      source_system: 'IB',
      username,
      password,
    })
    const [device = ''] = challenge_type
    const sent = await rekey.sendChallenge({ ...request, ...secret, challenge_type: device, mfa_token })
    session.signIn = sent.mfa_token
    return { device, verificationCode: sent.code }
  },
  // A5.
  async '/sign-in/confirm'(session, { code }) {
    const grant = { grant_type: 'mfa_oob' as const, mfa_token: stored(session.signIn), code }
    session.accessToken = (await rekey.token({ ...grant, ...secret })).access_token
    delete session.signIn
    return {}
  },
  // B5.
  async '/change'(session) {
    session.change = (await rekey.openChallenge({ accessToken: stored(session.accessToken) })).token
    return {}
  },
  // B6 and B1. Production also requires `currentPassword`.
  async '/change/confirm'(session, { code, password }) {
    const accessToken = stored(session.accessToken)
    const { successToken } = await rekey.answerChallenge({ token: stored(session.change), code })
    await rekey.changePassword({ accessToken, successToken, password })
    delete session.change
    return {}
  },
}

/** The browser's session, by a cookie that scripts cannot read. */
const sessionOf = ({ headers }: IncomingMessage) => {
  const known = /session=([\w-]+)/.exec(headers.cookie ?? '')?.[1] ?? ''
  const id = sessions.has(known) ? known : randomUUID()
  const session = sessions.get(id) ?? {}
  sessions.set(id, session)
  return { session, cookie: `session=${id}; HttpOnly; SameSite=Strict; Path=/` }
}

const bodyOf = async (request: IncomingMessage) => {
  const chunks = await request.toArray()
  return JSON.parse(Buffer.concat(chunks).toString() || '{}') as Input
}

const server = createServer(async (request, response) => {
  const { session, cookie } = sessionOf(request)
  const answer = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': cookie }).end(JSON.stringify(body))
  const step = steps[request.method === 'POST' ? (request.url ?? '') : '']
  if (!step) return answer(404, {})
  try {
    answer(200, await step(session, await bodyOf(request), request.socket.remoteAddress ?? ''))
  } catch (error) {
    // The browser decides by the code. `fields` has each reason for which a password was refused.
    if (error instanceof RekeyError) answer(error.status || 503, { code: error.code, fields: error.fields })
    else answer(400, { code: 'bad_request' })
  }
})
server.listen(Number(PORT), 'localhost', () => {
  const { port } = server.address() as { port: number }
  console.log(`The bank listens on http://localhost:${port}`)
})
process.once('SIGTERM', () => server.close())
