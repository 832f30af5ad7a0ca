# Bitstream of the whole design with Vivado, without a project.
#
#   vivado -mode batch -source build.tcl -tclargs settings.tcl
#
# The settings, written by hw/vivado/flow.py, are variables:
#   part sources constraints top generics   what to build
#   placement                               constraints of the array's place, empty: none
#   clock_mhz clock_name                    what the constraints ask for
#   reports checkpoint bitstream summary    files and folder to write
#
# Any failure ends Vivado with exit code 1 after one line that begins with ERROR. The bitstream is
# only written when the routed design meets its timing.

proc announce {step} {
  puts "firebrick: $step"
  flush stdout
}

# Constraints that name something which is not there are dropped with a warning: ask for the clock.
proc require_clock {name} {
  if {[llength [get_clocks -quiet $name]] != 1} {
    error "the clock $name is not in the synthesized design: its constraint names a pin that\
        does not exist"
  }
}

# So for the places of the array's columns.
proc require_pblocks {} {
  set pblocks [get_pblocks -quiet firebrick_column_*]
  if {[llength $pblocks] == 0} {
    error "the constraints of the array's place define no pblock"
  }
  foreach pblock $pblocks {
    if {[llength [get_cells -quiet -of_objects $pblock]] == 0} {
      error "the pblock $pblock is empty: its constraint names elements of the array that are not\
          in the synthesized design"
    }
  }
}

# Slack of the worst path in ns and its ends, as a list; type is setup or hold.
proc worst_path {type} {
  set path [lindex [get_timing_paths -$type -max_paths 1 -nworst 1] 0]
  if {$path eq ""} {
    error "no $type path was found: the design is not constrained"
  }
  set slack [get_property SLACK $path]
  if {![string is double -strict $slack] || abs($slack) == Inf} {
    error "the worst $type path has no slack: the design is not constrained"
  }
  return [list $slack [get_property STARTPOINT_PIN $path] [get_property ENDPOINT_PIN $path]]
}

proc require_timing {clock_mhz} {
  foreach type {setup hold} {
    lassign [worst_path $type] slack from to
    if {$slack < 0} {
      if {$type eq "setup"} {
        set advice "ask for a lower clock"
      } else {
        set advice "see the timing report"
      }
      error "timing is not met at $clock_mhz MHz: $type slack $slack ns from $from to $to; $advice"
    }
  }
}

proc write_reports {folder} {
  file mkdir $folder
  report_timing_summary -max_paths 10 -file [file join $folder timing_summary.rpt]
  report_utilization -file [file join $folder utilization.rpt]
  report_utilization -hierarchical -file [file join $folder utilization_hierarchical.rpt]
  report_route_status -file [file join $folder route_status.rpt]
  report_drc -file [file join $folder drc.rpt]
  report_methodology -file [file join $folder methodology.rpt]
  report_power -file [file join $folder power.rpt]
}

proc write_summary {path} {
  set file [open $path w]
  foreach type {setup hold} {
    lassign [worst_path $type] slack from to
    puts $file "$type\t$slack\t$from\t$to"
  }
  close $file
}

proc build {settings} {
  source $settings

  if {[llength [get_parts -quiet $part]] == 0} {
    error "this Vivado does not know the part $part: add the Zynq-7000 devices to the installation"
  }

  announce "reading sources"
  foreach path [concat $sources [list $constraints]] {
    if {![file isfile $path]} {
      error "$path: no such file"
    }
  }
  read_verilog -sv $sources
  read_xdc [list $constraints]

  announce "synthesis"
  set parameters {}
  foreach {name value} $generics {
    lappend parameters -generic $name=$value
  }
  synth_design -top $top -part $part {*}$parameters
  require_clock $clock_name
  if {$placement ne ""} {
    announce "constraints of the array's place"
    read_xdc [list $placement]
    require_pblocks
  }

  announce "logic optimization"
  opt_design
  announce "placement"
  place_design -directive Explore
  announce "physical optimization"
  phys_opt_design -directive AggressiveExplore
  announce "routing"
  route_design -directive Explore
  if {[lindex [worst_path setup] 0] < 0} {
    announce "physical optimization of the routed design"
    phys_opt_design -directive AggressiveExplore
  }

  announce "reports"
  write_reports $reports
  write_checkpoint -force $checkpoint
  write_summary $summary
  require_timing $clock_mhz

  announce "writing the bitstream"
  write_bitstream -force $bitstream
}

if {[catch {build [lindex $argv 0]} message]} {
  puts "ERROR: \[firebrick\] [join [split $message \n] { }]"
  flush stdout
  exit 1
}
exit 0
