// Calls an RPC (NATS request/reply): reads the status of a customer's password, to decide if a withdrawal must wait.
// Run it against the sandbox:
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node --env-file=.rekey/servers.env examples/password-status.ts [USERNAME]
//
// Other RPCs: `nats micro info password-service`, docs/events.md.
import { connect, ServiceError } from 'nats'

interface PasswordStatus {
  found: boolean
  customer?: string
  status?: 'active' | 'blocked'
  /** Withdrawals should wait until then. */
  holdUntil?: string
}

const [username = 'bpmtestusr1@gmail.com'] = process.argv.slice(2)
const connection = await connect({ servers: process.env.NATS_URL ?? 'nats://localhost:4222', name: 'example' })
try {
  const reply = await connection.request('password.status', JSON.stringify({ username }), { timeout: 5_000 })
  // A refused request has an error code (the HTTP status) in a header, and details in the body.
  const refusal = ServiceError.toServiceError(reply)
  if (refusal) throw new Error(`password.status: ${refusal.code} ${refusal.message} ${reply.string()}`)

  const { found, customer, status, holdUntil } = reply.json<PasswordStatus>()
  if (!found) console.log(`${username} is not a confirmed address of a customer.`)
  else if (status === 'blocked') console.log(`${customer} is blocked: refuse the withdrawal.`)
  else if (holdUntil) console.log(`${customer} restored the password: hold withdrawals until ${holdUntil}.`)
  else console.log(`${customer} may withdraw.`)
} finally {
  await connection.close()
}
