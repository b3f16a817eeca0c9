import { connect } from 'node:net'
import { createTransport } from 'nodemailer'
import { type Test, test } from 'tap'
import { createInbox } from './app.ts'
import type { Message } from './message-store.ts'

interface List {
  total: number
  messages: (Omit<Message, 'Text' | 'HTML'> & { Snippet: string })[]
}

const newest = ({ messages: [message] }: List) => {
  if (!message) throw new Error('the inbox is empty')
  return message
}

const start = async (t: Test) => {
  const inbox = await createInbox({ host: '127.0.0.1', httpPort: 0, smtpPort: 0 })
  const mailer = createTransport(inbox.smtpUrl)
  t.teardown(async () => {
    mailer.close()
    await inbox.close()
  })
  const request = (path: string, init?: RequestInit) => fetch(`${inbox.httpUrl}${path}`, init)
  return {
    ...inbox,
    mailer,
    request,
    list: async (query = '') => (await request(`/api/v1/messages${query}`)).json() as Promise<List>,
    json: async (path: string) => (await request(path)).json(),
    sendSms: (body: unknown) =>
      request('/api/v1/sms', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  }
}

const mail = {
  from: 'Rekey <no-reply@localhost>',
  to: 'bpmtestusr1@gmail.com',
  subject: 'Your code',
  text: 'Confirmation code: 123456\n',
  html: '<p>Your <b>code</b></p>',
  messageId: '<0001@rekey>',
}

test("a mail sent by SMTP is listed in the form of Mailpit's API, newest first", async (t) => {
  const { mailer, list, json } = await start(t)
  await mailer.sendMail(mail)
  await mailer.sendMail({ ...mail, subject: 'Second', text: 'Fällig: 10 €\n\nBye' })

  const { total, messages } = await list()
  t.equal(total, 2)
  t.match(await json('/api/v1/message/latest'), { Subject: 'Second' })
  t.match(messages, [{ Subject: 'Second', Snippet: 'Fällig: 10 € Bye' }, { Subject: 'Your code' }])
  const first = newest({ total, messages: messages.slice(1) })
  t.match(first.To, [{ Address: 'bpmtestusr1@gmail.com' }])
  t.ok(Date.parse(first.Created))
  t.notOk('Text' in first, 'the list carries no bodies')

  const message = await json(`/api/v1/message/${first.ID}`)
  t.match(message, { ID: first.ID, MessageID: '0001@rekey', Text: mail.text, HTML: /<b>code<\/b>/ })
})

test('start and limit page the list', async (t) => {
  const { sendSms, list, request } = await start(t)
  for (const id of ['1', '2', '3']) await sendSms({ id, to: '+447700900001', text: id })
  const { total, messages } = await list('?start=1&limit=1')
  t.equal(total, 3)
  t.match(messages, [{ MessageID: '2' }])
  t.equal((await request('/api/v1/messages?limit=many')).status, 400)
})

test('an SMS is accepted, and a repeat is shown as another message', async (t) => {
  const { sendSms, list } = await start(t)
  const sms = { id: 'a1', to: '+447700900001', text: 'Confirmation code: 123456' }
  const response = await sendSms(sms)
  t.equal(response.status, 202)
  t.same(await response.json(), { id: 'a1' })
  await sendSms(sms)
  const { total, messages } = await list()
  t.equal(total, 2)
  t.match(messages[0], { To: [{ Address: sms.to }], Snippet: sms.text, MessageID: 'a1' })
})

test('an SMS with missing fields, another content type or too long a text is refused', async (t) => {
  const { sendSms, list, request } = await start(t)
  const refused = [{}, { id: 'a', to: '+44' }, { id: 'a', to: ['+44'], text: '' }, [], 'text']
  for (const body of refused) t.equal((await sendSms(body)).status, 400, JSON.stringify(body))
  t.equal((await sendSms({ id: 'a', to: '+44', text: 'x'.repeat(2_001) })).status, 400)
  t.equal((await sendSms({ id: 'a', to: '+44', text: 'x'.repeat(20_000) })).status, 413)
  t.equal((await request('/api/v1/sms', { method: 'POST', body: 'plain' })).status, 415)
  t.equal((await list()).total, 0)
})

test('DELETE removes all messages', async (t) => {
  const { sendSms, list, request } = await start(t)
  await sendSms({ id: '1', to: '+447700900001', text: 'gone' })
  t.equal((await request('/api/v1/messages', { method: 'DELETE' })).status, 200)
  t.same((await list()).messages, [])
})

test('an unknown message is a 404: JSON from the API, a page from the pages', async (t) => {
  const { request } = await start(t)
  const api = await request('/api/v1/message/none')
  t.equal(api.status, 404)
  t.match(api.headers.get('content-type'), /json/)
  const page = await request('/messages/none')
  t.equal(page.status, 404)
  t.match(await page.text(), /No such message/)
  t.equal((await request('/messages/none/html')).status, 404)
})

test('the pages escape the text of a sender and run no script', async (t) => {
  const { mailer, list, request } = await start(t)
  const script = '<script>alert(1)</script>'
  await mailer.sendMail({ ...mail, subject: script, text: script, html: script })
  const { ID } = newest(await list())

  for (const path of ['/', `/messages/${ID}`]) {
    const page = await request(path)
    t.notMatch(await page.text(), '<script>', path)
    t.match(page.headers.get('content-security-policy'), /default-src 'none'/)
    t.notMatch(page.headers.get('content-security-policy'), /unsafe|script/)
  }
  t.match(await (await request(`/messages/${ID}`)).text(), /<iframe [^>]*sandbox src="/)
  const framed = await request(`/messages/${ID}/html`)
  t.match(framed.headers.get('content-security-policy'), /^sandbox; default-src 'none'/)
})

test('only the newest 1,000 messages are kept', async (t) => {
  const { sendSms, list } = await start(t)
  for (let id = 1; id <= 1_002; id++) await sendSms({ id: String(id), to: '+447700900001', text: 'x' })
  const { total, messages } = await list('?start=999&limit=10')
  t.equal(total, 1_000)
  t.match(messages, [{ MessageID: '3' }])
  t.equal(messages.length, 1)
})

test('a mail over a megabyte is refused, and the listener continues', async (t) => {
  const { mailer, list } = await start(t)
  await t.rejects(mailer.sendMail({ ...mail, text: 'x\n'.repeat(700_000) }), { message: /552/ })
  await mailer.sendMail(mail)
  t.equal((await list()).total, 1)
})

test('malformed mail is kept or refused, and the listener continues', async (t) => {
  const { mailer, list, smtpUrl } = await start(t)
  const talk = (lines: string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(smtpUrl).port), '127.0.0.1')
      let answers = ''
      socket.on('data', (data) => {
        answers += data
        const line = lines.shift()
        if (line === undefined) socket.end()
        else socket.write(line)
      })
      socket.on('close', () => resolve(answers))
      socket.on('error', reject)
    })
  t.match(await talk(['NONSENSE\r\n', 'QUIT\r\n']), /^220 .*\r\n500 /)
  t.match(await talk(['HELO x\r\n', 'DATA\r\n', 'QUIT\r\n']), /\r\n503 /)
  await talk([
    'HELO x\r\n',
    'MAIL FROM:<a@b>\r\n',
    'RCPT TO:<c@d>\r\n',
    'DATA\r\n',
    '\0\xff no header\r\n.\r\n',
    'QUIT\r\n',
  ])
  await mailer.sendMail(mail)
  const { messages } = await list()
  t.match(messages[0], { Subject: mail.subject })
  t.match(messages[1], { To: [{ Address: 'c@d' }] }, 'without a To header the recipient is that of the envelope')
})

test('health and readiness answer', async (t) => {
  const { json } = await start(t)
  t.same(await json('/healthz'), { status: 'ok' })
  t.same(await json('/readyz'), { status: 'ok', checks: { smtp: 'ok' } })
})

test('a busy port is an error, and no listener is left', async (t) => {
  const { smtpUrl, httpUrl } = await start(t)
  const port = (url: string) => Number(new URL(url).port)
  await t.rejects(createInbox({ host: '127.0.0.1', httpPort: port(httpUrl), smtpPort: 0 }), { code: 'EADDRINUSE' })
  await t.rejects(createInbox({ host: '127.0.0.1', httpPort: 0, smtpPort: port(smtpUrl) }), { code: 'EADDRINUSE' })
})
