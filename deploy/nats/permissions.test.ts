import { createCustomer } from '@rekey/testing/customers'
import { askChange, changeGrant, restore, restoreGrant, signIn } from '@rekey/testing/flows'
import { bankClient, startProduction } from '@rekey/testing/production'
import t from 'tap'

const rekey = await startProduction(t)
const person = await createCustomer(rekey.database.owner)

t.test('S33: the whole product works with the broker’s users, and the database’s role, of deploy', async (t) => {
  const restored = { ...person, password: 'violet kettle 41 marsh' }
  const grant = await restoreGrant(rekey, person, 'sign_token', bankClient)
  t.equal((await restore(rekey, grant, restored.password)).status, 204)
  const accessToken = await signIn(rekey, restored, bankClient)
  const changed = await rekey.http.post(
    '/api/v2/my/password/change',
    { password: 'copper lantern 77 fjord', currentPassword: restored.password },
    { authorization: `Bearer ${accessToken}`, successToken: await changeGrant(rekey, restored, accessToken) },
  )
  t.equal(changed.status, 204, changed.text)
  t.same(
    (await rekey.http.get('/api/v2/my/password/changes', { authorization: `Bearer ${accessToken}` })).body.data,
    [],
  )
})
