import { relative } from 'node:path'
import { sandboxClients, sandboxCustomers } from '@rekey/contracts'
import type { PlacedSettings, Settings } from './settings.ts'

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
  const latest = `curl -s http://localhost:${inboxPort}/api/v1/message/latest`
  const code = `$(until ${latest} | grep -o 'Confirmation code: [0-9]*'; do sleep 0.2; done | head -n 1 | grep -o '[0-9]*')`
  const answer = `{"code":"'"${code}"'","grant_type":"mfa_oob","mfa_token":"'"$MFA_TOKEN"'","response_type":"sign_token","scope":"${scope}","state":"${state}"}`
  return [
    `MFA_TOKEN=$(curl -s ${gateway}/oauth/v2/passwordRestore ${json} -d '${JSON.stringify(restoreRequest)}' | ${field('mfa_token')})`,
    `SIGN_TOKEN=$(curl -s ${gateway}/oauth/v2/passwordRestoreVerification ${json} -d '${answer}' | ${field('sign_token')})`,
    `curl -si ${gateway}/api/v2/my/password/restore -H "successToken: $SIGN_TOKEN" ${json} -d '{"password":"Qwerty123"}'`,
  ]
}

const line = (name: string, text: string, note = '') => `  ${name.padEnd(11)}${text}${note && `  (${note})`}`

/** Where everything is, and who may sign in. */
const placesAndPeople = (settings: PlacedSettings) => {
  const gateway = `http://localhost:${settings.port}`
  const dataDir = relative(process.cwd(), settings.dataDir) || '.'
  return [
    line('Start here', gateway, 'a page of these links; also the base URL of the API'),
    line('Restore', `${gateway}/restore`, 'what a customer sees'),
    line('Account', `${gateway}/account`, 'sign in, change the password, sessions, history'),
    line('Staff', `${gateway}/staff`, 'the console'),
    line('API', `${gateway}/docs`),
    line('Inbox', `http://localhost:${settings.inboxPort}`, 'every mail and SMS'),
    line('Metrics', `http://127.0.0.1:${settings.metricsPort}/metrics`, 'gateway; the next two ports: the services'),
    line('Data', dataDir.startsWith('..') ? settings.dataDir : dataDir, 'npm start -- --fresh wipes it'),
    line('', 'logs/ has the logs, servers.env the addresses of Postgres, Redis and NATS'),
    '',
    ...sandboxCustomers.map(({ addresses, password, totpSecret }, index) =>
      line(
        index === 0 ? 'Customers' : '',
        `${addresses.map(({ value }) => value).join(' or ')} / ${password}`,
        totpSecret && `authenticator app: ${totpSecret}`,
      ),
    ),
    ...(settings.providerPort === undefined ? [] : [line('Staff', 'staff-1 / 111111, staff-2 / 222222')]),
    ...sandboxClients.map(({ id, secret, use }, index) =>
      line(index === 0 ? 'Clients' : '', secret === undefined ? id : `${id} / ${secret}`, use),
    ),
  ].join('\n')
}

/** The text that is printed once everything runs. */
export const banner = (settings: PlacedSettings, seconds: number) => `
Rekey runs, after ${seconds.toFixed(1)} s. This is a sandbox: demo customers, generated keys, a lenient policy, and no
mail leaves this machine. Pages on http://localhost, of any port, may call it.

${placesAndPeople(settings)}

Paste into another terminal to restore the password of bpmtestusr1@gmail.com:

${curlLines(settings).join('\n\n')}

Ctrl-C stops everything.
`
