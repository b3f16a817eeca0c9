import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTheme } from '@rekey/texts'
import t, { type Test } from 'tap'
import { recipient, startNotifier, startServers } from '../app.fixture.ts'
import { startSmtpListener } from '../channels/smtp.fixture.ts'
import { presentationOf, samples, usual } from './samples.fixture.ts'

/** A PNG of one pixel. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const writeTheme = (t: Test, files: Record<string, unknown>) => {
  const dir = t.testdir()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true })
    writeFileSync(join(dir, name), Buffer.isBuffer(content) ? content : JSON.stringify(content))
  }
  return dir
}

const themed = (t: Test, language: 'en' | 'de', files: Record<string, unknown>) => {
  const presentation = presentationOf(usual, language, readTheme(writeTheme(t, files)))
  return [...samples.values()].map((compose) => compose(presentation, usual))
}

t.test('a theme gives every message its contact and links, by language', async (t) => {
  const file = {
    contact: { en: '+44 1', de: '+49 2' },
    helpUrl: { en: 'https://bank.example/help', de: 'https://bank.example/hilfe' },
    imprintUrl: 'https://bank.example/imprint',
  }
  for (const { mail, sms } of themed(t, 'de', { 'theme.json': file })) {
    t.match(mail.text, '+49 2')
    t.notMatch(mail.text + sms, usual.contact)
    t.match(mail.text, 'Hilfe: https://bank.example/hilfe')
    t.match(mail.html, /<a href="https:\/\/bank.example\/hilfe"[^>]*>Hilfe<\/a>/)
    t.match(mail.html, /<a href="https:\/\/bank.example\/imprint"[^>]*>Impressum<\/a>/)
  }
})

t.test('a theme gives mails its colours, in light and in dark mode', async (t) => {
  const colors = { light: { accent: '#aa0000', background: '#fffff0' }, dark: { accent: '#ffaaaa' } }
  for (const { mail } of themed(t, 'en', { 'theme.json': { colors } })) {
    t.match(mail.html, 'background:#fffff0;color:#1b1d22')
    t.match(mail.html, '.button{background:#ffaaaa!important')
    if (mail.html.includes('class="button"')) t.match(mail.html, 'background:#aa0000;color:#ffffff')
  }
})

t.test('the logo is a part of the mail; a type that mail programs do not show is replaced by the name', async (t) => {
  for (const { mail } of themed(t, 'en', { 'theme.json': { logo: 'logo.png' }, 'logo.png': pixel })) {
    t.match(mail.html, '<img src="cid:logo@rekey" alt="Example Bank"')
    t.match(mail.attachments, [{ cid: 'logo@rekey', contentType: 'image/png', content: pixel }])
  }
  for (const { mail } of themed(t, 'en', { 'theme.json': { logo: 'logo.svg' }, 'logo.svg': Buffer.from('<svg/>') })) {
    t.notMatch(mail.html, '<img')
    t.match(mail.html, '>Example Bank</strong>')
  }
})

t.test('a logo that is too large for each mail is named', async (t) => {
  const files = { 'theme.json': { logo: 'logo.png' }, 'logo.png': Buffer.alloc(65_537) }
  t.throws(() => themed(t, 'en', files), { name: 'ThemeError', faults: [/logo\.png: 65537 bytes/] })
})

t.test('a mail is sent with the theme, in the language of its customer', async (t) => {
  const theme = writeTheme(t, {
    'theme.json': { logo: 'logo.png' },
    'logo.png': pixel,
    'texts/messages/de.json': { 'code.restore.title': 'Ihr Anmelde-Code' },
  })
  const smtp = await startSmtpListener(t)
  const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_THEME_DIR: theme })
  await startNotifier(t, servers)
  await servers.publishCode({ to: { locale: 'de_AT', to: recipient.to } })
  await servers.waitForEmptyQueue()
  const [mail = ''] = smtp.mails
  t.match(mail, /^Subject: =\?UTF-8\?Q\?Rekey=3A_Ihr_Code_/m)
  t.match(mail, 'Ihr Anmelde-Code', 'the text of the theme')
  t.match(mail, /^Content-Type: multipart\/related/m)
  t.match(mail, /^Content-ID: <logo@rekey>/im)
  t.match(mail, /^Content-Disposition: inline/m)
  t.match(mail, pixel.toString('base64').slice(0, 60))
})
