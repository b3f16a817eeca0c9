import t from 'tap'
import { production } from './production.ts'

const errorsOf = (SMTP_URL: string) =>
  production.rules.flatMap((rule) => rule({ SMTP_URL })).filter((error) => error.startsWith('SMTP_URL'))

t.test('mail requires smtps, the submission port, or requireTLS=true in the URL', async (t) => {
  for (const url of ['smtps://mail.example', 'smtp://mail.example:587', 'smtp://mail.example:2525?requireTLS=true']) {
    t.same(errorsOf(url), [], url)
  }
  for (const url of ['smtp://mail.example', 'smtp://127.0.0.1:1025', 'smtp://mail.example:25']) {
    t.match(errorsOf(url), ['SMTP_URL is plaintext'], url)
  }
})

t.test('bounces return to a domain that other mail hosts find', async (t) => {
  const errors = (REKEY_BOUNCE_DOMAIN?: string) =>
    production.rules
      .flatMap((rule) => rule({ ...(REKEY_BOUNCE_DOMAIN && { REKEY_BOUNCE_DOMAIN }) }))
      .filter((error) => error.startsWith('REKEY_BOUNCE_DOMAIN'))
  for (const domain of [undefined, 'bounce.bank.example']) t.same(errors(domain), [])
  t.match(errors('localhost'), ['REKEY_BOUNCE_DOMAIN is no domain of the internet'])
})

t.test('S9 S35: no parameter of the URL can turn off TLS or turn on the driver’s log', async (t) => {
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
      const errors = errorsOf(`${server}?${parameters}`)
      t.match(errors, ['SMTP_URL has a parameter that production refuses'], `${server}?${parameters}`)
      t.notMatch(errors.join(), 'hunter2')
    }
  }
})
