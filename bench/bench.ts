import { createCustomer } from '@rekey/test-support/customers'
import { backOfficeToken, loginBody, restoreBody } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { fullHashes } from '@rekey/test-support/limits'
import { startProcesses } from '@rekey/test-support/processes'
import autocannon from 'autocannon'

// npm run bench: measures the requests a second of the hot paths. Services, servers and load share this machine.

const seconds = 8
const json = { 'content-type': 'application/json' }

const cleanups: (() => unknown)[] = []
const cleanUp = async () => {
  for (const clean of cleanups.reverse()) await clean()
}

try {
  const rekey = await startProcesses({ teardown: (clean) => cleanups.push(clean) }, { env: fullHashes })
  const customer = await createCustomer(rekey.postgres.url)
  const post = (path: string, body: object, connections: number) => ({
    url: `${rekey.gateway.url}${path}`,
    method: 'POST' as const,
    headers: json,
    body: JSON.stringify(body),
    connections,
  })
  const staff = { grant_type: 'client_credentials', client_id: 'backend_fin', client_secret: 'secretkey' }
  const staffToken = await backOfficeToken({ http: createHttp(rekey.gateway.url) })
  const restores = '/oauth/v2/passwordRestore'
  const runs = {
    'A1, unknown account, 50 connections': post(restores, restoreBody('nobody@example.com'), 50),
    'A1, unknown account, 1 connection': post(restores, restoreBody('nobody@example.com'), 1),
    'A4, right password, 4 connections': post('/oauth/v2/login', loginBody(customer), 4),
    'A5, client credentials, 50 connections': post('/oauth/v2/token', staff, 50),
    'B8, through the gateway, 20 connections': {
      url: `${rekey.gateway.url}/api/v2/clients/${customer.id}/password/changes`,
      headers: { authorization: `Bearer ${staffToken}` },
      connections: 20,
    },
    'JWKS, 50 connections': { url: `${rekey.gateway.url}/.well-known/jwks.json`, connections: 50 },
  }
  console.log(
    'request'.padEnd(40),
    'per second'.padStart(10),
    'p50 ms'.padStart(8),
    'p99 ms'.padStart(8),
    'refused'.padStart(8),
  )
  for (const [name, options] of Object.entries(runs)) {
    await autocannon({ ...options, duration: 2 })
    const { requests, latency, non2xx, errors } = await autocannon({ ...options, duration: seconds })
    const cells = [Math.round(requests.average), latency.p50, latency.p99, non2xx + errors]
    console.log(name.padEnd(40), ...cells.map((cell, index) => String(cell).padStart(index === 0 ? 10 : 8)))
  }
} finally {
  await cleanUp()
}
