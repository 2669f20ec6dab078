//! Which of several tasks this is, as told by the scheduler that started them: SLURM's job arrays, Kubernetes' Indexed
//! Jobs.

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

const SLURM: &str = "SLURM_ARRAY_TASK_ID";
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";

/// What a scheduler says.
enum Scheduler {
    /// A job array: the task's number, as it was given with `--array`.
    Slurm(usize),
    /// An Indexed Job: completions are counted from 0.
    Kubernetes(usize),
}

fn engine(lookup: Lookup) -> Result<Scheduler, String> {
    let number = |name: &str, text: String| {
        text.parse::<usize>().map_err(|_| format!("{name} is `{text}`, not a whole number"))
    };
    match (lookup(SLURM), lookup(KUBERNETES)) {
        (Some(id), None) => number(SLURM, id).map(Scheduler::Slurm),
        (None, Some(index)) => number(KUBERNETES, index).map(Scheduler::Kubernetes),
        (None, None) => Err(format!(
            "auto asks the engine, and neither {SLURM} nor {KUBERNETES} is set; give the number itself"
        )),
        (Some(_), Some(_)) => Err(format!("both {SLURM} and {KUBERNETES} are set; give the number itself")),
    }
}

/// The number of this task, counted from 1, where tasks are numbered 1 to N even if not all of them run: SLURM's number
/// as it is, Kubernetes' index plus 1. A single task that is submitted again keeps its number.
///
/// # Errors
/// No scheduler tells the number, or the array does not count from 1.
pub fn number(lookup: Lookup) -> Result<usize, String> {
    match engine(lookup)? {
        Scheduler::Kubernetes(index) => Ok(index.saturating_add(1)),
        // A whole array from 0 would leave the last one out.
        Scheduler::Slurm(id) if id == 0 || lookup("SLURM_ARRAY_TASK_MIN").as_deref() == Some("0") => {
            Err("the job array counts from 0; submit it with --array=1-N".into())
        }
        Scheduler::Slurm(id) => Ok(id),
    }
}

/// The place of this task in its array, counted from 1, and the number of tasks: SLURM tells both, whatever number
/// the array begins with.
///
/// # Errors
/// No scheduler tells them, or the array has gaps.
pub fn place(lookup: Lookup) -> Result<(usize, usize), String> {
    let Scheduler::Slurm(id) = engine(lookup)? else {
        return Err(format!("{KUBERNETES} comes without a count; give it as auto/N"));
    };
    let asked = |name: &str| {
        let name = format!("SLURM_ARRAY_TASK_{name}");
        let value = lookup(&name).and_then(|value| value.parse::<usize>().ok());
        value.ok_or_else(|| format!("{name} is not set to a whole number; give I/N instead of auto"))
    };
    let (count, least, most) = (asked("COUNT")?, asked("MIN")?, asked("MAX")?);
    let step = asked("STEP").unwrap_or(1).max(1);
    let regular = least <= id && id <= most && (id - least) % step == 0 && (most - least) / step + 1 == count;
    match regular {
        true => Ok(((id - least) / step + 1, count)),
        false => Err(format!(
            "the job array has gaps: {count} tasks from {least} to {most}; give auto/N with the N of the whole array"
        )),
    }
}

/// Reads a number counted from 1, or `auto` for [`number`].
///
/// # Errors
/// It is neither, or the scheduler does not tell.
pub fn parse_number(text: &str) -> Result<usize, String> {
    match text {
        "auto" => number(&environment),
        _ => text
            .parse()
            .ok()
            .filter(|&number| number > 0)
            .ok_or_else(|| "give a number from 1, or auto".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ID COUNT MIN MAX STEP` of SLURM.
    fn slurm(values: &str) -> impl Fn(&str) -> Option<String> {
        let values: Vec<String> = values.split(' ').map(str::to_owned).collect();
        move |name| {
            let names = ["ID", "COUNT", "MIN", "MAX", "STEP"];
            let at = names.iter().position(|&end| name.strip_prefix("SLURM_ARRAY_TASK_") == Some(end))?;
            values.get(at).cloned()
        }
    }

    fn kubernetes(index: &'static str) -> impl Fn(&str) -> Option<String> {
        move |name| (name == KUBERNETES).then(|| index.to_owned())
    }

    #[test]
    fn the_place_in_an_array_whatever_it_begins_with() {
        for (values, expected) in [
            ("1 3 1 3 1", (1, 3)),
            ("3 3 1 3 1", (3, 3)),
            ("0 4 0 3 1", (1, 4)),
            ("7 3 5 9 2", (2, 3)),
            ("5 2 5 6", (1, 2)),
        ] {
            assert_eq!(place(&slurm(values)), Ok(expected), "{values}");
        }
        for (values, words) in
            [("5 3 1 9 1", "gaps"), ("2 3 1", "MAX"), ("x 3 1 3 1", "whole number"), ("1 x 1 3 1", "COUNT")]
        {
            let said = place(&slurm(values)).unwrap_err();
            assert!(said.contains(words), "{values}: {said}");
        }
        assert!(place(&kubernetes("1")).unwrap_err().contains("auto/N"));
        assert!(place(&|_| None).unwrap_err().contains("neither"));
        assert!(place(&|_| Some("1".into())).unwrap_err().contains("both"));
    }

    #[test]
    fn a_number_stays_when_one_task_runs_again() {
        assert_eq!(number(&slurm("7 1 7 7 1")), Ok(7));
        assert_eq!(number(&slurm("7 15 1 15 1")), Ok(7));
        assert_eq!(number(&kubernetes("0")), Ok(1));
        for values in ["0 15 0 14 1", "7 15 0 14 1"] {
            assert!(number(&slurm(values)).unwrap_err().contains("--array=1-N"), "{values}");
        }
    }
}
