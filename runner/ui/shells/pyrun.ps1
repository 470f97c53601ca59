# Completion of pyrun for PowerShell 7. What pyrun answers is never evaluated, only inserted.

Register-ArgumentCompleter -Native -CommandName pyrun -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # A path that was typed is the pyrun to ask; a name may be an alias, and PATH knows pyrun.
    $program = 'pyrun'
    $named = $commandAst.GetCommandName()
    if ($named -and $named.Contains('/')) {
        $program = $named -replace '^~/', "$HOME/"
    }

    # All words in one: before PowerShell 7.3 a word that is empty does not arrive.
    $separator = [string][char]31
    $typed = ''
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            break
        }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $typed += $separator + $element.Value
        }
        else {
            $typed += $separator + $element.Extent.Text
        }
    }
    $current = ([string]$wordToComplete).Trim([char[]]@("'", '"'))
    $typed += $separator + $current

    $answer = @(& $program '--pyrun-complete=powershell' $typed 2>$null)
    if ($answer.Count -eq 0) {
        return ''
    }
    $kind, $prefix = ([string]$answer[0]) -split "`t", 2

    if ($kind -eq 'values') {
        if ($answer.Count -eq 1) {
            # Nothing at all would make PowerShell offer files.
            return ''
        }
        foreach ($line in ($answer | Select-Object -Skip 1)) {
            $value, $about = ([string]$line) -split "`t", 2
            $text = $value
            if ($value -notmatch '^[A-Za-z0-9_./:=+-]+$') {
                $inner = [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($value)
                $text = "'" + $inner + "'"
            }
            if (-not $about) {
                $about = $value
            }
            [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
        }
        return
    }

    $found = [System.Management.Automation.CompletionCompleters]::CompleteFilename($current.Substring($prefix.Length))
    if ($kind -eq 'folders') {
        $found = $found | Where-Object { $_.ResultType -eq 'ProviderContainer' }
    }
    if (-not $found) {
        return ''
    }
    foreach ($one in $found) {
        [System.Management.Automation.CompletionResult]::new(
            $prefix + $one.CompletionText, $one.ListItemText, $one.ResultType, $one.ToolTip)
    }
}
