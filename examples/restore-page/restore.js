// The three calls of a restore, from a page. serve.ts says how to run it.
import { createClient, RekeyError } from '@rekey/client'

const gateway = new URLSearchParams(location.search).get('gateway') ?? 'http://localhost:8080'
// A public client: it has no secret. Its `origins` in the gateway's clients file must name this page's origin.
const rekey = createClient({ baseUrl: gateway, clientId: 'ib_localhost', redirectUri: 'http://localhost' })

const find = (id) => document.getElementById(id)
const forms = ['begin', 'confirm', 'finish'].map(find)
const say = (text) => {
  find('message').textContent = text
}
const show = (id) => {
  for (const form of forms) form.hidden = form.id !== id
  find(id)?.querySelector('input').focus()
}

/** Texts for customers, by error code. The error's own `description` is for developers. */
const sentenceOf = (error) => {
  if (!(error instanceof RekeyError)) throw error
  switch (error.code) {
    case 'invalid_grant':
      return 'This code is wrong or has expired.'
    case 'access_denied':
      return 'There were too many wrong codes. Please begin again.'
    case 'password_refused':
      return `Please choose another password: ${error.fields.map(({ message }) => message).join(' ')}`
    case 'temporarily_unavailable':
    case 'too_many_requests':
      return `Please try again in ${error.retryAfterSeconds ?? 60} seconds.`
    default:
      return 'That did not work. Please try again.'
  }
}

/** Runs a step when its form is sent, and says what went wrong. A second press while it runs does nothing. */
const onSubmit = (id, step) => {
  const form = find(id)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    say('')
    try {
      await step(Object.fromEntries(new FormData(form)))
    } catch (error) {
      say(sentenceOf(error))
    } finally {
      button.disabled = false
    }
  })
}

// Plain data: in the tab's storage it survives a reload, for example when a phone puts the tab away.
const remember = (restore) => {
  sessionStorage.setItem('restore', JSON.stringify(restore))
  find('verification').textContent = restore.verificationCode
  show('confirm')
}
const restoreOf = () => JSON.parse(sessionStorage.getItem('restore'))
let grant

onSubmit('begin', async ({ username }) => remember(await rekey.beginRestore({ username })))

onSubmit('confirm', async ({ code }) => {
  grant = await rekey.confirmRestore(restoreOf(), code)
  sessionStorage.removeItem('restore')
  show('finish')
})

find('resend').addEventListener('click', async () => {
  try {
    remember(await rekey.resendCode(restoreOf()))
    say('A new code is on its way.')
  } catch (error) {
    say(sentenceOf(error))
  }
})

// A refused password does not spend the grant: the customer tries another.
onSubmit('finish', async ({ password }) => {
  await rekey.setPassword(grant, password)
  show('done')
  say('Your password is set. Sign in with it.')
})

if (restoreOf()) remember(restoreOf())
