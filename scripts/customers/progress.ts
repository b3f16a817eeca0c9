import ora from 'ora'

/** Progress of an import. */
export interface Progress {
  records: number
  refused: number
  /** Offset in the file. */
  bytes: number
}

const lineEveryMs = 5_000
const barWidth = 24

const number = (count: number) => count.toLocaleString('en-GB')

const bar = (part: number) => {
  const full = Math.min(barWidth, Math.floor(part * barWidth))
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`
}

/** Shows a progress bar on a terminal, and prints a line every few seconds elsewhere. */
export const createDisplay = (size: number, recordsBefore: number) => {
  const startedMs = performance.now()
  let printedMs = startedMs
  const describe = ({ records, refused, bytes }: Progress) => {
    const seconds = (performance.now() - startedMs) / 1_000
    const perSecond = Math.round((records - recordsBefore) / seconds)
    const percent = `${Math.floor((bytes / size) * 100)} %`
    return `${percent}, ${number(records)} records, ${number(refused)} refused, ${number(perSecond)} a second`
  }
  // Without a known width ora cannot draw.
  if (process.stderr.isTTY && process.stderr.columns > 0) {
    // discardStdin sets raw mode, in which Ctrl-C sends no SIGINT.
    const spinner = ora({ discardStdin: false }).start('Reading')
    return {
      show: (progress: Progress) => {
        spinner.text = `${bar(progress.bytes / size)} ${describe(progress)}`
      },
      end: () => void spinner.stop(),
    }
  }
  return {
    show(progress: Progress) {
      if (performance.now() - printedMs < lineEveryMs) return
      printedMs = performance.now()
      console.log(describe(progress))
    },
    end: () => {},
  }
}
