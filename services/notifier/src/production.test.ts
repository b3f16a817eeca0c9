import t from 'tap'
import { production } from './production.ts'

const faultsOf = (SMTP_URL: string) =>
  production.rules.flatMap((rule) => rule({ SMTP_URL })).filter((fault) => fault.startsWith('SMTP_URL'))

t.test('mail goes by smtps, or by a port of submission, or where the URL insists on STARTTLS', async (t) => {
  for (const url of ['smtps://mail.example', 'smtp://mail.example:587', 'smtp://mail.example:2525?requireTLS=true']) {
    t.same(faultsOf(url), [], url)
  }
  for (const url of ['smtp://mail.example', 'smtp://127.0.0.1:1025', 'smtp://mail.example:25']) {
    t.match(faultsOf(url), ['SMTP_URL is plaintext'], url)
  }
})

t.test('S9 S35: no parameter of the URL takes TLS back, or has the driver log messages', async (t) => {
  for (const parameters of [
    'ignoreTLS=true',
    'secure=false',
    'tls.rejectUnauthorized=false',
    'requireTLS=false',
    'requireTLS=0',
    'requireTLS=',
    'requireTLS=true&requireTLS=false',
    'requiretls=true',
    'logger=true&debug=true',
    'hunter2',
  ]) {
    for (const server of ['smtps://mail.example', 'smtp://mail.example:587']) {
      const faults = faultsOf(`${server}?${parameters}`)
      t.match(faults, ['SMTP_URL has a parameter that production does not take'], `${server}?${parameters}`)
      t.notMatch(faults.join(), 'hunter2')
    }
  }
})
