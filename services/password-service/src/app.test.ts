import { connect } from 'node:net'
import { http as contract } from '@rekey/contracts'
import t from 'tap'
import { isProblem, json, startWithCustomer } from './app.fixture.ts'

const { service, http, grant, customer, authorization } = await startWithCustomer(t)

t.test(
  'S28: without a valid bearer token each route that is not public answers 401 with WWW-Authenticate',
  async (t) => {
    const invalid = ['', 'Bearer', 'Bearer x', 'Bearer a.b.c', 'Basic dXNlcjpwYXNz', `${authorization} more`]
    for (const [route, schema] of Object.entries(contract)) {
      const [method = '', pattern = ''] = route.split(' ')
      const isTested = /^\/api\/v2\/(my\/password\/change|clients|jobs|approvals)/.test(pattern)
      // The gateway has the list of sessions.
      if (!isTested || route === 'GET /api/v2/clients/:clientId/sessions') continue
      const url = pattern.replace(/:\w+/g, '1')
      const body = 'body' in schema ? '{"password":"Qwerty123","send_mail":false}' : undefined
      for (const header of invalid) {
        const answer = await http.send(
          method,
          url,
          { ...(body && json), ...(header && { authorization: header }) },
          body,
        )
        isProblem(t, answer, 401, `${route} with "${header.slice(0, 20)}"`)
        t.match(answer.headers.get('www-authenticate'), /^Bearer realm=/)
      }
    }
  },
)

t.test('S31: a wrong method is a 405, an unknown path a 404, and huge headers a 431', async (t) => {
  const wrongMethod = await http.get('/api/v2/my/password/restore')
  isProblem(t, wrongMethod, 405, 'GET on a route for POST')
  t.equal(wrongMethod.headers.get('allow'), 'POST')
  isProblem(t, await http.get('/api/v2/my/passwords'), 404, 'an unknown path')
  const huge = await http.post(
    '/api/v2/my/password/restore',
    { password: 'Qwerty123' },
    { successToken: 'x'.repeat(20_000) },
  )
  isProblem(
    t,
    { ...huge, headers: new Headers({ ...Object.fromEntries(huge.headers), 'cache-control': 'no-store' }) },
    431,
    'huge headers',
  )
})

t.test('S31: a line break within a header is refused', async (t) => {
  const { hostname, port } = new URL(service.url)
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.end('POST /api/v2/my/password/restore HTTP/1.1\r\nHost: x\r\nsuccessToken: a\nb\0: c\r\n\r\n'),
    )
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
  t.match(answer, /^HTTP\/1\.1 400 /)
})

t.test('S30: the client address comes from the trusted proxy, not from the client', async (t) => {
  const change = async (forwarded: string) => {
    const headers = { authorization, successToken: grant('change', customer.code), 'x-forwarded-for': forwarded }
    t.equal((await http.post('/api/v2/my/password/change', { password: 'Qwerty123' }, headers)).status, 204)
    const { body } = await http.get<{ data: { ip: string }[] }>('/api/v2/my/password/changes', { authorization })
    return body.data[0]?.ip
  }
  t.equal(await change('203.0.113.7'), '203.0.113.7')
  t.equal(await change('198.51.100.1, 203.0.113.7'), '203.0.113.7', 'the address that the client added is ignored')
})
