import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCustomer } from '@rekey/test-support/customers'
import { asBearer, restore, restoreGrant, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'
import { resources, startProvider } from '../identity-provider.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'clients.json')
const desk = (client_id: string, owner?: string) => ({
  client_id,
  type: 'confidential',
  secret_sha256: createHash('sha256').update('its secret').digest('hex'),
  redirect_uris: [],
  origins: [],
  scopes: ['REST:FULL'],
  owner,
})
const customers = {
  client_id: 'ib_localhost',
  type: 'public',
  redirect_uris: ['http://localhost'],
  origins: [],
  scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE'],
  owner: 'alice',
}
const desks = [desk('desk_1', 'alice'), desk('desk_2', 'alice'), desk('desk_3', 'bob'), desk('desk_4')]
writeFileSync(path, JSON.stringify([customers, ...desks]))

const provider = await startProvider(t)
const rekey = await startRekey(t, {
  env: { ...provider.env, REKEY_CLIENTS_FILE: path, REKEY_BACK_OFFICE_FOUR_EYES: 'true' },
})
const { http } = rekey

const tokenOf = async (clientId: string) => {
  const credentials = { client_id: clientId, client_secret: 'its secret' }
  return String(
    (await http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...credentials })).body.access_token,
  )
}

t.test('S41: the token of a back-office client names its owner, and no other token names one', async (t) => {
  t.equal(decodeJwt(await tokenOf('desk_1')).owner, 'alice')
  t.notHas(decodeJwt(await tokenOf('desk_4')), 'owner')
  const customer = await createCustomer(rekey.postgres.url)
  t.notHas(decodeJwt(await signIn(rekey, customer)), 'owner')
  t.notHas(decodeJwt(await restoreGrant(rekey, customer)), 'owner')
})

t.test('S41: an approval needs another owner: neither a second client nor the owner’s own token will do', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'My own password')).status, 204)
  const hold = `/api/v2/clients/${customer.id}/hold?reason=seen%20in%20the%20branch`
  t.match(await http.send('DELETE', hold, asBearer(await tokenOf('desk_4'))), {
    status: 403,
    body: { code: 'owner_unknown' },
  })
  const asked = await http.send('DELETE', hold, asBearer(await tokenOf('desk_1')))
  t.equal(asked.status, 202)
  const approval = `/api/v2/approvals/${asked.body.approvalId}`
  t.match((await http.get(approval, asBearer(await tokenOf('desk_3')))).body, {
    action: 'end_hold',
    maker: 'desk_1',
    makerOwner: 'alice',
    reason: 'seen in the branch',
  })
  const approve = async (token: string) => http.send('POST', `${approval}/approve`, asBearer(token))
  for (const token of [
    await tokenOf('desk_1'),
    await tokenOf('desk_2'),
    await provider.signIn('alice', { scope: 'REST:FULL', resource: resources.staff }),
  ]) {
    t.match(await approve(token), { status: 403, body: { code: 'own_approval' } })
  }
  for (const token of [await tokenOf('desk_4'), await provider.backOfficeToken()]) {
    t.match(await approve(token), { status: 403, body: { code: 'owner_unknown' } })
  }
  t.equal((await approve(await provider.signIn('bob', { scope: 'REST:FULL', resource: resources.staff }))).status, 204)
  t.match((await http.get(approval, asBearer(await tokenOf('desk_1')))).body, {
    state: 'approved',
    decidedByOwner: 'bob',
  })
})
