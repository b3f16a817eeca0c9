import { languages, type PageLanguage, pseudoLanguage } from '@rekey/texts'
import t from 'tap'
import { measureSms } from './compose-sms.ts'
import {
  at,
  expiresAt,
  longest,
  presentationOf,
  reportLinkOf,
  type SampleValues,
  samples,
  usual,
} from './samples.fixture.ts'

const longestSentence = 20

/** Every message in every variant and language. */
const messagesOf = (values: SampleValues, all: readonly PageLanguage[] = languages) =>
  all.flatMap((language) => {
    const presentation = presentationOf(values, language)
    return [...samples].map(([name, compose]) => {
      return { name, language, what: `${language}: ${name}`, presentation, ...compose(presentation, values) }
    })
  })

/** The visible text of a mail's HTML. */
const visible = (html: string) =>
  html
    .slice(html.indexOf('<body'))
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
const words = (text: string) => text.replaceAll(/\s+/g, ' ').trim()

t.test('each mail has its language, a title, whom to call, and the same sentences as text and HTML', async (t) => {
  for (const { what, language, name, mail } of messagesOf(usual)) {
    t.match(mail.html, `<html lang="${language}" dir="ltr">`, what)
    t.match(mail.html, `<div role="article" lang="${language}" dir="ltr"`, what)
    const shown = words(visible(mail.html))
    for (const paragraph of mail.text.split('\n\n').map(words)) {
      const [, label = '', link] = /^(.+): (https:\S+)$/.exec(paragraph) ?? []
      // A link is a button with its label; a prominent value is below its label.
      const isShown = link
        ? shown.includes(label) && mail.html.includes(`href="${link}"`)
        : shown.includes(paragraph) || shown.includes(paragraph.replace(': ', ' '))
      t.ok(isShown, `${what}: ${paragraph}`)
    }
    t.match(mail.text, usual.contact, what)
    t.notMatch(mail.text + mail.html, /\{\w+[,}]|undefined|\bnull\b/, what)
    t.equal(mail.text.includes(reportLinkOf(usual)), !/^(code|restore-blocked)| block$/.test(name), `${what}: link`)
  }
})

t.test('no sentence of a message has more than 20 words', async (t) => {
  for (const { what, mail, sms } of messagesOf(usual)) {
    for (const sentence of `${mail.text}\n${sms}`.split(/(?<=[.!?:])\s|\n/)) {
      const count = sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
      t.ok(count <= longestSentence, `${what}: ${count} words in "${sentence}"`)
    }
  }
})

t.test('a subject begins with the name of the platform and contains no secret', async (t) => {
  const secrets = [usual.code, usual.password, usual.verificationCode, usual.ip, reportLinkOf(usual), usual.contact]
  for (const { what, mail } of messagesOf(usual)) {
    t.match(mail.subject, /^Example Bank: \S/, what)
    t.notMatch(mail.subject, /[\r\n]/, what)
    for (const secret of secrets) t.notOk(mail.subject.includes(secret), `${what}: ${secret}`)
  }
})

t.test('a message has the time in the language and time zone of its customer', async (t) => {
  for (const timezone of ['Asia/Nicosia', 'America/New_York', 'Asia/Kathmandu', 'unknown']) {
    const values = { ...usual, timezone }
    for (const { what, name, presentation, mail, sms } of messagesOf(values)) {
      const { dateTime, time, shortDateTime } = presentation
      const [inMail, inSms] = {
        code: () => [time(expiresAt), ''],
        'temporary-password': () => [dateTime(expiresAt), ''],
        'restore-blocked': () => [dateTime(at), ''],
        'reset-requested': () => [dateTime(at), ''],
      }[name.split(' ')[0] ?? '']?.() ?? [dateTime(at), shortDateTime(at)]
      t.ok(mail.text.includes(inMail), `${what}: ${inMail}`)
      t.ok(sms.includes(inSms), `${what}: ${inSms}`)
    }
  }
})

t.test('an SMS in GSM-7 stays in GSM-7, and none has more than two segments', async (t) => {
  for (const values of [usual, longest]) {
    for (const { what, language, name, sms } of messagesOf(values)) {
      const { encoding, segments, notInGsm, length } = measureSms(sms)
      t.ok(segments <= 2, `${what}: ${length} in ${segments} segments`)
      t.equal(encoding, language === 'ru' ? 'UCS-2' : 'GSM-7', `${what}: ${notInGsm.join(' ')}`)
      if (name.startsWith('code') && language !== 'ru') t.equal(segments, 1, `${what}: ${length} in one segment`)
    }
  }
})

t.test('an SMS names whom to call, unless it is a code or has the link', async (t) => {
  for (const { what, name, sms } of messagesOf(usual)) {
    const hasLink = sms.includes(reportLinkOf(usual))
    t.ok(hasLink || name.startsWith('code') || sms.includes(usual.contact), what)
    if (hasLink)
      t.ok(
        sms.split('\n').some((line) => line.endsWith(reportLinkOf(usual))),
        `${what}: at a line's end`,
      )
    t.ok(sms.includes(usual.contact) || name.startsWith('code'), `${what}: ${sms}`)
  }
})

t.test('the last line of an SMS with a code binds the code to the host of the pages', async (t) => {
  for (const [publicUrl, host] of [
    ['https://id.bank.example', 'id.bank.example'],
    ['https://id.bank.example:8443', 'id.bank.example'],
    ['http://localhost:8080', 'localhost'],
    ['https://BANK.example', 'bank.example'],
  ] as const) {
    for (const { what, name, sms } of messagesOf({ ...usual, publicUrl })) {
      const [last = ''] = sms.split('\n').slice(-1)
      // WICG, Origin-bound one-time codes delivered via SMS, Parsing.
      t.equal(/^@([^\s]+) #([^\s]+)$/.test(last), name.startsWith('code'), what)
      if (name.startsWith('code')) t.equal(last, `@${host} #${usual.code}`, what)
    }
  }
})

t.test('a message in a language of the other direction keeps the order of values', async (t) => {
  for (const { what, mail } of messagesOf(usual, [pseudoLanguage])) {
    t.match(mail.html, `<html lang="${pseudoLanguage}" dir="rtl">`, what)
    t.match(mail.text, `\u2068${usual.contact}\u2069`, what)
    const value = /<strong ([^>]*)>(012345|k7mq3zt9xw4hd2vn)<\/strong>/.exec(mail.html)
    if (value) t.match(value[1], 'dir="ltr"', what)
  }
})

t.test('values are escaped in HTML', async (t) => {
  const evil = `<b>"&'`
  const values = { ...usual, brand: evil, contact: evil, ip: evil, password: evil, replacedBy: [evil] }
  for (const { what, mail } of messagesOf(values)) {
    t.notMatch(mail.html, '<b>', what)
    t.match(mail.html, '&#60;b&#62;&#34;&#38;&#39;', what)
  }
})

t.test('a mail loads nothing and runs nothing', async (t) => {
  for (const { what, mail } of messagesOf(usual, [...languages, pseudoLanguage])) {
    t.notMatch(mail.html, /<(script|link|img|iframe|form|object)|url\(|@import|\son\w+=|src=/i, what)
    const urls = mail.html.match(/https?:[^"<\s]+/g) ?? []
    t.ok(
      urls.every((url) => url === reportLinkOf(usual)),
      `${what}: ${urls}`,
    )
  }
})
