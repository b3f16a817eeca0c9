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
  vetoLinkOf,
} from './samples.fixture.ts'

// Every message, in every variant and language. Each test lists the messages that break its rule.

const longestSentence = 20

const messagesOf = (values: SampleValues, all: readonly PageLanguage[] = languages) =>
  all.flatMap((language) => {
    const presentation = presentationOf(values, language)
    return [...samples].map(([name, compose]) => {
      const isCode = name.startsWith('code ')
      return { name, isCode, language, what: `${language}: ${name}`, presentation, ...compose(presentation, values) }
    })
  })
type Composed = ReturnType<typeof messagesOf>[number]

const messages = messagesOf(usual)
const reportLink = reportLinkOf(usual)
const vetoLink = vetoLinkOf(usual)

/** What is wrong in each message, after its name. */
const wrongIn = (messages: Composed[], check: (message: Composed) => unknown[]) =>
  messages.flatMap((message) => check(message).map((wrong) => `${message.what}: ${wrong}`))

const normalised = (text: string) => text.replaceAll(/\s+/g, ' ').trim()
const visible = (html: string) =>
  normalised(
    html
      .slice(html.indexOf('<body'))
      .replaceAll(/<[^>]+>/g, ' ')
      .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))),
  )

t.test('each mail has its language and direction, and the same sentences as text and as HTML', async (t) => {
  const wrong = wrongIn(messages, ({ language, mail }) => {
    const shown = visible(mail.html)
    const missing = mail.text
      .split('\n\n')
      .map(normalised)
      .filter((paragraph) => {
        const [, label = '', link] = /^(.+): (https:\S+)$/.exec(paragraph) ?? []
        // A link is a button with its label; a prominent value is below its label.
        if (link) return !shown.includes(label) || !mail.html.includes(`href="${link}"`)
        return !shown.includes(paragraph) && !shown.includes(paragraph.replace(': ', ' '))
      })
    const places = [`<html lang="${language}" dir="ltr">`, `<div role="article" lang="${language}" dir="ltr"`]
    return [...missing, ...places.filter((place) => !mail.html.includes(place))]
  })
  t.same(wrong, [])
})

t.test('no message has an unfilled value', async (t) => {
  const unfilled = /\{\w+[,}]|undefined|\bnull\b|Invalid/
  t.same(
    wrongIn(messages, ({ mail, sms }) => unfilled.exec(mail.subject + mail.text + mail.html + sms) ?? []),
    [],
  )
})

t.test('no sentence of a message has more than 20 words', async (t) => {
  const wordsOf = (sentence: string) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const wrong = wrongIn(messages, ({ mail, sms }) =>
    `${mail.text}\n${sms}`.split(/(?<=[.!?:])\s|\n/).filter((sentence) => wordsOf(sentence).length > longestSentence),
  )
  t.same(wrong, [])
})

t.test('S9: a subject begins with the name of the platform and contains no secret', async (t) => {
  const secrets = [
    usual.code,
    usual.helpDeskCode,
    usual.words,
    usual.password,
    usual.verificationCode,
    usual.ip,
    reportLink,
    usual.contact,
  ]
  t.same(
    wrongIn(messages, ({ mail: { subject } }) => [
      ...(/^Example Bank: \S[^\r\n]+$/.test(subject) ? [] : [subject]),
      ...secrets.filter((secret) => subject.includes(secret)),
    ]),
    [],
  )
})

t.test('S22: a message has the time in the language and time zone of its customer', async (t) => {
  for (const timezone of ['Asia/Nicosia', 'America/New_York', 'Asia/Kathmandu', 'unknown']) {
    const wrong = wrongIn(messagesOf({ ...usual, timezone }), ({ name, presentation, mail, sms }) => {
      const { dateTime, time, shortDateTime } = presentation
      const times: Record<string, [inMail: string, inSms: string]> = {
        code: [time(expiresAt), ''],
        'temporary-password': [dateTime(expiresAt), ''],
        'restore-blocked': [dateTime(at), ''],
        'reset-requested': [dateTime(at), ''],
        verification: [time(expiresAt), ''],
        'restore-waiting': [dateTime(at), ''],
      }
      const [inMail, inSms] = times[name.split(' ')[0] ?? ''] ?? [dateTime(at), shortDateTime(at)]
      return [...(mail.text.includes(inMail) ? [] : [inMail]), ...(sms.includes(inSms) ? [] : [inSms])]
    })
    t.same(wrong, [], timezone)
  }
})

t.test('S22: each message names whom to call; a notification of a change has the link "it was not me"', async (t) => {
  const wrong = wrongIn(messages, ({ name, isCode, mail, sms }) => {
    const hasLink = !isCode && !/^restore-blocked|^asked-while-blocked|^verification| block$| vetoed$/.test(name)
    // S58: that of a waiting restore stops it, and blocks nobody.
    const link = name.startsWith('restore-waiting') ? vetoLink : reportLink
    const endsLine = sms.split('\n').some((line) => line.endsWith(` ${link}`))
    return [
      ...(mail.text.includes(usual.contact) ? [] : ['no contact in the mail']),
      // A code has no room for it in one segment.
      ...(isCode || sms.includes(usual.contact) ? [] : ['no contact in the SMS']),
      ...(mail.text.includes(link) === hasLink && endsLine === hasLink ? [] : ['link']),
    ]
  })
  t.same(wrong, [])
})

t.test('an SMS has at most two segments, a code in GSM-7 one; only Russian needs UCS-2', async (t) => {
  for (const values of [usual, longest]) {
    const wrong = wrongIn(messagesOf(values), ({ language, isCode, sms }) => {
      const { encoding, segments, notInGsm, length } = measureSms(sms)
      const most = isCode && language !== 'ru' ? 1 : 2
      return [
        ...(segments <= most ? [] : [`${length} in ${segments} segments`]),
        ...(encoding === (language === 'ru' ? 'UCS-2' : 'GSM-7') ? [] : [`${encoding} for ${notInGsm.join(' ')}`]),
      ]
    })
    t.same(wrong, [], values.brand)
  }
})

t.test('the last line of an SMS with a code binds the code to the host of the pages', async (t) => {
  for (const [publicUrl, host] of [
    ['https://id.bank.example', 'id.bank.example'],
    ['https://id.bank.example:8443', 'id.bank.example'],
    ['http://localhost:8080', 'localhost'],
    ['https://BANK.example', 'bank.example'],
  ] as const) {
    const wrong = wrongIn(messagesOf({ ...usual, publicUrl }), ({ isCode, sms }) => {
      const last = sms.split('\n').at(-1) ?? ''
      // WICG, Origin-bound one-time codes delivered via SMS, Parsing.
      const [, foundHost, foundCode] = /^@([^\s]+) #([^\s]+)/.exec(last) ?? []
      const expected = isCode ? [host, usual.code] : [undefined, undefined]
      return foundHost === expected[0] && foundCode === expected[1] ? [] : [last]
    })
    t.same(wrong, [], publicUrl)
  }
})

t.test('a mail in a language of the other direction keeps the order of its values', async (t) => {
  const wrong = wrongIn(messagesOf(usual, [pseudoLanguage]), ({ mail }) => {
    const prominent = /<strong ([^>]*)>(012345|k7mq3zt9xw4hd2vn)<\/strong>/.exec(mail.html)
    return [
      ...(mail.html.includes(`<html lang="${pseudoLanguage}" dir="rtl">`) ? [] : ['dir']),
      ...(mail.text.includes(`\u2068${usual.contact}\u2069`) ? [] : ['contact']),
      ...(prominent && !prominent[1]?.includes('dir="ltr"') ? ['prominent value'] : []),
    ]
  })
  t.same(wrong, [])
})

t.test('values are escaped in HTML', async (t) => {
  const evil = `<b>"&'`
  const values = { ...usual, brand: evil, contact: evil, ip: evil, password: evil, replacedBy: [evil] }
  const wrong = wrongIn(messagesOf(values), ({ mail: { html } }) =>
    html.includes('<b>') || !html.includes('&#60;b&#62;&#34;&#38;&#39;') ? ['not escaped'] : [],
  )
  t.same(wrong, [])
})

t.test('a mail loads nothing and runs nothing', async (t) => {
  const active = /<(script|link|img|iframe|form|object)|url\(|@import|\son\w+=|src=/gi
  const wrong = wrongIn(messagesOf(usual, [...languages, pseudoLanguage]), ({ mail: { html } }) => [
    ...(html.match(active) ?? []),
    ...(html.match(/https?:[^"<\s]+/g) ?? []).filter((url) => url !== reportLink && url !== vetoLink),
  ])
  t.same(wrong, [])
})
