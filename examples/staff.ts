// A back-office script: finds a customer, shows the status, the last records and messages, and demands a new password.
// Run it against the sandbox:
//
//   npm start                                                    in one terminal
//   node_modules/.bin/node examples/staff.ts [EMAIL_OR_PHONE [REASON]]
//
// Without REASON it changes nothing. REKEY_URL, CLIENT_ID and CLIENT_SECRET replace the sandbox's.
import { createClient } from '@rekey/client'

const { REKEY_URL = 'http://localhost:8080', CLIENT_ID = 'backend_fin', CLIENT_SECRET = 'secretkey' } = process.env
const [address = 'bpmtestusr2@gmail.com', reason] = process.argv.slice(2)
const rekey = createClient({ baseUrl: REKEY_URL })

const { access_token: accessToken } = await rekey.token({
  grant_type: 'client_credentials',
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  scope: 'REST:FULL',
})

const search = address.startsWith('+') ? { phone: address } : { email: address }
const [customer] = (await rekey.findClients({ accessToken, ...search })).data
if (!customer) throw new Error(`${address} is no customer's address`)
const { id: clientId, status, hold, restoreLockout, mustChange } = customer

console.log(`${customer.customer} (id ${clientId}) is ${status}.`)
if (hold) console.log(`Withdrawals should wait until ${hold.until}.`)
if (restoreLockout) console.log(`Restore is locked until ${restoreLockout.until ?? 'the back office lifts it'}.`)
if (mustChange) console.log('The password must be changed at the next sign-in.')
for (const { createTime, operation, actor } of (await rekey.listClientRecords({ accessToken, clientId })).data) {
  console.log(`  ${createTime}  ${operation} by ${actor}`)
}

// "Where is my code?": docs/operations.md says what each status means for the customer.
const { total, data: messages } = await rekey.listClientMessages({ accessToken, clientId, limit: 5 })
console.log(`Messages in the last 30 days: ${total}.`)
for (const { askedAt, kind, purpose, channel, to, status, reason: why } of messages) {
  console.log(
    `  ${askedAt}  ${kind} (${purpose}) by ${channel} to ${to}: ${status}${why === undefined ? '' : `, ${why}`}`,
  )
}

if (reason !== undefined) {
  const answer = await rekey.resetClientPassword({ accessToken, clientId, reason })
  // With four eyes on, a second person approves first.
  if ('approvalId' in answer) console.log(`Approval ${answer.approvalId} waits until ${answer.expiresAt}.`)
  else console.log('Signed out everywhere; a new password is demanded at the next sign-in.')
}
