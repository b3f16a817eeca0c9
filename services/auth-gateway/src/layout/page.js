// What the pages do besides: none of it is needed to use them. The texts are in the page, in its language.
{
  const each = (selector, work, within = document) => {
    for (const element of within.querySelectorAll(selector)) work(element)
  }

  // A form of a passkey asks the browser for it first, and is then sent with the answer. Before the listener of all forms:
  // a form that was not sent must not count as sent.
  each('form[data-passkey],form[data-new-passkey]', (form) => {
    const { code } = form.elements
    const { passkey, newPasskey } = form.dataset
    const failure = form.querySelector('[data-passkey-failed]')
    let isAsking = false
    // An assertion is right once: a page that the browser kept asks again.
    addEventListener('pageshow', () => {
      code.value = ''
    })
    const ask = async () => {
      const read = newPasskey ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON'
      const options = { publicKey: PublicKeyCredential[read](JSON.parse(newPasskey ?? passkey)) }
      const { credentials } = navigator
      code.value = JSON.stringify(await (newPasskey ? credentials.create(options) : credentials.get(options)))
      form.requestSubmit()
    }
    form.addEventListener('submit', (event) => {
      if (code.value) return
      event.preventDefault()
      event.stopImmediatePropagation()
      if (isAsking) return
      isAsking = true
      failure.hidden = true
      ask()
        .catch(() => {
          failure.hidden = false
        })
        .finally(() => {
          isAsking = false
        })
    })
  })

  // A form is sent once, however often its button is pressed; again after ten seconds, if no answer came.
  const setSent = (form, isSent) => {
    form.toggleAttribute('data-sent', isSent)
    each('button', (button) => button.toggleAttribute('aria-disabled', isSent), form)
  }
  // A form whose answer is a file leaves the page as it is: it may be sent again at once.
  each('form:not([data-repeats])', (form) =>
    form.addEventListener('submit', (event) => {
      if (form.hasAttribute('data-sent')) event.preventDefault()
      else {
        // After this event: a disabled button would not be sent.
        setTimeout(() => setSent(form, true))
        setTimeout(() => setSent(form, false), 10_000)
      }
    }),
  )
  addEventListener('pageshow', () => each('form', (form) => setSent(form, false)))

  each('button[data-shows]', (button) => {
    const input = document.getElementById(button.dataset.shows)
    const { textContent: show } = button
    button.hidden = false
    button.addEventListener('click', () => {
      const isShown = input.type === 'text'
      input.type = isShown ? 'password' : 'text'
      button.textContent = isShown ? show : button.dataset.hide
      input.focus()
    })
    input.form?.addEventListener('submit', () => {
      input.type = 'password'
    })
  })

  each('button[data-prints]', (button) => {
    button.hidden = false
    button.addEventListener('click', () => print())
  })

  each('[data-wait]', (note) => {
    const clock = note.querySelector('[data-clock]')
    const endsAt = Date.now() + note.dataset.wait * 1_000
    const timer = setInterval(() => {
      const left = Math.ceil((endsAt - Date.now()) / 1_000)
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
      if (left > 0) return
      clearInterval(timer)
      note.hidden = true
    }, 1_000)
  })

  // The page says that its code has expired, unless someone is typing.
  each('[data-expires]', (form) => {
    setTimeout(() => {
      const isEmpty = [...form.elements].every(({ type, value }) => type === 'hidden' || !value)
      if (isEmpty) location.replace(location.href)
    }, form.dataset.expires * 1_000)
  })

  each('[data-strength]', (note) => {
    const input = document.getElementById(note.dataset.strength)
    const ask = async () => {
      const password = input.value
      const body = new URLSearchParams(new FormData(input.form))
      const answer = await fetch(note.dataset.url, { method: 'POST', body, headers: { accept: 'application/json' } })
      if (!answer.ok) return
      const { score, text } = await answer.json()
      if (input.value !== password) return
      note.dataset.score = score
      note.textContent = text
    }
    let timer
    input.addEventListener('input', () => {
      clearTimeout(timer)
      if (input.value) timer = setTimeout(() => ask().catch(() => {}), 400)
      else note.textContent = ''
    })
  })

  // Another language keeps what was typed, except passwords.
  const typed = 'input[type=text],input:not([type])'
  each('.languages a', (link) =>
    link.addEventListener('click', () => {
      const values = {}
      each(typed, ({ name, value }) => {
        values[name] = value
      })
      sessionStorage.setItem(location.pathname, JSON.stringify(values))
    }),
  )
  const values = JSON.parse(sessionStorage.getItem(location.pathname) ?? '{}')
  sessionStorage.removeItem(location.pathname)
  each(typed, (input) => {
    if (!input.value && values[input.name]) input.value = values[input.name]
  })
}
