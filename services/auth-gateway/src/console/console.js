// Shows the progress of a job without a reload. Without this script the page has a link that loads it again.
for (const part of document.querySelectorAll('[data-progress]')) {
  const bar = part.querySelector('progress')
  const count = part.querySelector('[data-count]')
  const timer = setInterval(async () => {
    const answer = await fetch(location.href, { headers: { accept: 'application/json' } }).catch(() => undefined)
    if (!answer?.ok) return
    const { value, max, text, isRunning } = await answer.json()
    bar.max = max
    bar.value = value
    count.textContent = text
    if (!isRunning) {
      clearInterval(timer)
      location.reload()
    }
  }, 2_000)
}
