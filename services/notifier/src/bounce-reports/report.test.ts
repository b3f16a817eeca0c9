import t from 'tap'
import { notification } from './report.fixture.ts'
import { readReport } from './report.ts'

const read = (text: string) => readReport(Buffer.from(text))
const recipient = (...fields: string[]) => read(notification({ recipient: fields }))

t.test('a notification of a failure has its reason and codes, and nothing else of its text', async (t) => {
  t.same(await read(notification()), { reason: 'unknown_address', codes: '550 5.1.1' })
  t.same(await recipient('Action: failed', 'Status: 5.0.0', 'Diagnostic-Code: smtp;552-5.2.2 over quota'), {
    reason: 'full',
    codes: '552 5.2.2',
  })
  t.same(await recipient('ACTION: Failed (bounced)', 'status: 4.4.7 (delivery time expired)'), {
    reason: 'expired',
    codes: '4.4.7',
  })
  t.same(await recipient('Action: failed', 'Status:', '  5.7.1', 'Diagnostic-Code: x-local; 550 5.1.1'), {
    reason: 'rejected',
    codes: '5.7.1',
  })
})

t.test('a notification of a mail with SMTPUTF8 is read', async (t) => {
  const report = await read(notification({ statusType: 'message/global-delivery-status' }))
  t.equal(report?.reason, 'unknown_address')
})

t.test('of several recipients the one that failed counts; a delay or a delivery is no failure', async (t) => {
  const delayed = ['Action: delayed', 'Status: 4.4.1']
  t.same(await recipient(...delayed), { reason: undefined, codes: '4.4.1' })
  t.same(await recipient('Action: delivered', 'Status: 2.0.0'), { reason: undefined, codes: '2.0.0' })
  t.match(await recipient(...delayed, '', 'Action: failed', 'Status: 5.2.2'), { reason: 'full' })
})

t.test('other mail, and a notification without the fields of RFC 3464, is none', async (t) => {
  const others = [
    '',
    'Subject: Out of office\r\n\r\nI am away. Status: 5.1.1\r\n',
    notification({ type: 'multipart/mixed' }),
    notification({ type: 'multipart/report; report-type=disposition-notification' }),
    notification({ statusType: 'text/plain' }),
    notification({ recipient: [] }),
    notification({ recipient: ['Action: failed'] }),
    notification({ recipient: ['Action: exploded', 'Status: 5.1.1'] }),
    notification({ recipient: ['Action: failed', 'Status: 511'] }),
    notification().slice(0, 300),
    notification().replace('boundary="=_b"', 'boundary="another"'),
  ]
  for (const mail of others) t.equal(await read(mail), undefined, mail.slice(0, 80))
})

t.test('a mail of deeply nested parts, or of many lines, is answered', async (t) => {
  const nested = Array.from({ length: 3_000 }, (_, index) => {
    return `Content-Type: multipart/mixed; boundary="b${index}"\r\n\r\n--b${index}\r\n`
  })
  t.equal(await read(nested.join('')).catch(() => undefined), undefined)
  t.equal(await recipient(...Array.from({ length: 20_000 }, () => 'X: y')), undefined)
  t.equal(await recipient(...Array.from({ length: 20_000 }, () => ' \t ')), undefined)
})
