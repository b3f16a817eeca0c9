import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createSetNewPassword } from './new-password.ts'

t.test('a refusal by something in front of the password-service is reported as unavailable', async (t) => {
  const refused = { type: 'urn:rekey:problem:password_refused', title: 'No.', status: 422, detail: 'No.', code: 'x' }
  let answer = { status: 0, body: '' }
  const upstreamServer = createServer((_request, response) => response.writeHead(answer.status).end(answer.body))
  await once(upstreamServer.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => upstreamServer.close())
  const upstream = `http://127.0.0.1:${(upstreamServer.address() as AddressInfo).port}`
  const set = () => createSetNewPassword({ upstream, fetch })('a token', 'a password', '203.0.113.7')
  for (const status of [400, 422]) {
    for (const body of ['<h1>Request blocked</h1>', '', 'null', '"no"', '[]', '{"message":"blocked"}']) {
      answer = { status, body }
      await t.rejects(set(), {
        code: 'unavailable',
        cause: { message: `the password-service answered with ${status}` },
      })
    }
    answer = { status, body: JSON.stringify(refused) }
    await t.rejects(set(), { code: 'password_refused', message: 'No.', fields: [] })
  }
})
