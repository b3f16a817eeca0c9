import { relative } from 'node:path'
import type { Settings } from './settings.ts'

// The example of the internet-bank contract.
const restoreRequest = {
  response_type: 'code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  state: '5e982a097260d146803b5da13b1a19c2',
  username: 'bpmtestusr1@gmail.com',
  ip: '::1',
  client_timezone: '-3',
  source_system: 'IB',
}

const field = (name: string) => `tee /dev/stderr | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`

/** Three shell commands that restore a password; each prints the answer and keeps what the next one needs. */
export const curlLines = ({ port, inboxPort }: Pick<Settings, 'port' | 'inboxPort'>) => {
  const gateway = `http://localhost:${port}`
  const json = "-H 'Content-Type: application/json'"
  const { scope, state } = restoreRequest
  const code = `$(sleep 1; curl -s http://localhost:${inboxPort}/api/v1/message/latest | grep -o 'Confirmation code: [0-9]*' | head -n 1 | grep -o '[0-9]*')`
  const answer = `{"code":"'"${code}"'","grant_type":"mfa_oob","mfa_token":"'"$MFA_TOKEN"'","response_type":"sign_token","scope":"${scope}","state":"${state}"}`
  return [
    `MFA_TOKEN=$(curl -s ${gateway}/oauth/v2/passwordRestore ${json} -d '${JSON.stringify(restoreRequest)}' | ${field('mfa_token')})`,
    `SIGN_TOKEN=$(curl -s ${gateway}/oauth/v2/passwordRestoreVerification ${json} -d '${answer}' | ${field('sign_token')})`,
    `curl -si ${gateway}/api/v2/my/password/restore -H "successToken: $SIGN_TOKEN" ${json} -d '{"password":"Qwerty123"}'`,
  ]
}

const staffLine = ({ port, providerPort }: Settings) =>
  providerPort === undefined
    ? ''
    : `  Staff    http://localhost:${port}/staff  (staff-1 with password 111111, staff-2 with 222222)\n`

/** The text that is printed once everything runs. */
export const banner = (settings: Settings, seconds: number) => {
  const dataDir = relative(process.cwd(), settings.dataDir) || '.'
  return `
Rekey runs, after ${seconds.toFixed(1)} s. This is a sandbox: demo customers, generated keys, a lenient policy, and no
mail leaves this machine.

  Gateway  http://localhost:${settings.port}
  Inbox    http://localhost:${settings.inboxPort}  (every mail and SMS)
${staffLine(settings)}  Data     ${dataDir.startsWith('..') ? settings.dataDir : dataDir}  (logs in logs/, addresses of Postgres, Redis and NATS in
           servers.env; npm start -- --fresh wipes it)

Paste into another terminal to restore the password of bpmtestusr1@gmail.com:

${curlLines(settings).join('\n\n')}

Ctrl-C stops everything.
`
}
