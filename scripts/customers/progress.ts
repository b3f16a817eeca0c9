import ora from 'ora'

/** How far the file was taken in. */
export interface Taken {
  records: number
  refused: number
  /** Of the file. */
  bytes: number
}

export interface Display {
  show(taken: Taken): void
  end(): void
}

const lineEveryMs = 5_000
const barWidth = 24

const number = (count: number) => count.toLocaleString('en-GB')

const bar = (part: number) => {
  const full = Math.min(barWidth, Math.floor(part * barWidth))
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`
}

/** A bar on a terminal; elsewhere a plain line every few seconds. */
export const createDisplay = (size: number, alreadyTaken: number): Display => {
  const startedMs = performance.now()
  let toldMs = startedMs
  const describe = ({ records, refused, bytes }: Taken) => {
    const seconds = (performance.now() - startedMs) / 1_000
    const perSecond = Math.round((records - alreadyTaken) / seconds)
    const percent = `${Math.floor((bytes / size) * 100)} %`
    return `${percent}, ${number(records)} records, ${number(refused)} refused, ${number(perSecond)} a second`
  }
  // A terminal that does not know its width has none to draw on.
  if (process.stderr.isTTY && process.stderr.columns > 0) {
    // Ctrl-C must stay a signal, which a terminal in raw mode would not send.
    const spinner = ora({ discardStdin: false }).start('Reading')
    return {
      show: (taken) => {
        spinner.text = `${bar(taken.bytes / size)} ${describe(taken)}`
      },
      end: () => void spinner.stop(),
    }
  }
  return {
    show(taken) {
      if (performance.now() - toldMs < lineEveryMs) return
      toldMs = performance.now()
      console.log(describe(taken))
    },
    end: () => {},
  }
}
