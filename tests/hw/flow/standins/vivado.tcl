# Stand-ins of the Vivado commands that hw/vivado/build.tcl uses, for a plain Tcl interpreter.
#
# Every command is recorded, its options are checked against its grammar in Vivado's Tcl reference
# (UG835; options that only some releases from 2020.2 on have are left out), files that it reads
# must exist, and it must come in its order. Environment variables:
#   STANDIN_RECORD   file to which commands are appended, words apart by 0x1f
#   STANDIN_BIT      what write_bitstream writes
#   STANDIN_FAULT    what goes wrong, see the procs
#   STANDIN_PINS     pins that the design has, apart by blanks

namespace eval standin {
  # command: {flags} {options with a value} {least most} positional words
  array set grammar {
    get_parts {{-regexp -nocase -quiet -verbose} {-filter -of_objects} {0 1}}
    read_verilog {{-sv -quiet -verbose} {-library} {1 1}}
    read_xdc {{-quiet_diff -unmanaged -no_add -quiet -verbose} {-cells -ref -mode} {1 1}}
    synth_design {
      {-rtl -no_lc -keep_equivalent_registers -no_srlextract -assert -no_timing_driven -sfcu
       -quiet -verbose}
      {-name -part -constrset -top -include_dirs -generic -verilog_define -flatten_hierarchy
       -gated_clock_conversion -directive -bufg -mode -fsm_extraction -resource_sharing
       -cascade_dsp -control_set_opt_threshold -max_bram -max_uram -max_dsp -shreg_min_size}
      {0 0}
    }
    get_clocks {{-regexp -nocase -quiet -verbose} {-filter -of_objects -match_style} {0 1}}
    get_pins {
      {-hierarchical -regexp -nocase -leaf -quiet -verbose} {-filter -of_objects -match_style} {0 1}
    }
    get_cells {
      {-hierarchical -regexp -nocase -quiet -verbose} {-hsc -filter -of_objects -match_style} {0 1}
    }
    get_pblocks {{-regexp -nocase -include_nested_pblocks -quiet -verbose} {-filter -of_objects} {0 1}}
    create_pblock {{-quiet -verbose} {} {1 1}}
    resize_pblock {{-replace -quiet -verbose} {-add -remove -from -to -locs} {1 1}}
    add_cells_to_pblock {{-top -add_primitives -clear_locs -quiet -verbose} {} {1 2}}
    set_property {{-quiet -verbose} {-name -value -dict} {3 3}}
    create_clock {{-add -quiet -verbose} {-period -name -waveform} {0 1}}
    set_false_path {
      {-setup -hold -rise -fall -reset_path -quiet -verbose} {-from -to -through} {0 0}
    }
    opt_design {
      {-retarget -propconst -sweep -bram_power_opt -remap -resynth_area -quiet -verbose}
      {-directive} {0 0}
    }
    place_design {
      {-no_timing_driven -timing_summary -unplace -post_place_opt -no_psip -no_bufg_opt -quiet
       -verbose}
      {-directive} {0 0}
    }
    phys_opt_design {
      {-fanout_opt -placement_opt -routing_opt -rewire -critical_cell_opt -dsp_register_opt
       -bram_register_opt -shift_register_opt -hold_fix -retime -critical_pin_opt -clock_opt
       -quiet -verbose}
      {-directive} {0 0}
    }
    route_design {
      {-unroute -release_memory -physical_nets -tns_cleanup -no_timing_driven -preserve -delay
       -auto_delay -timing_summary -finalize -ultrathreads -quiet -verbose}
      {-nets -pins -directive -max_delay -min_delay} {0 0}
    }
    get_timing_paths {
      {-setup -hold -unique_pins -no_report_unconstrained -user_ignored -routable_nets -regexp
       -nocase -quiet -verbose}
      {-from -to -through -delay_type -max_paths -nworst -slack_lesser_than -slack_greater_than
       -group -sort_by -filter}
      {0 0}
    }
    get_property {{-min -max -quiet -verbose} {} {2 2}}
    report_timing_summary {
      {-check_timing_verbose -no_detailed_paths -setup -hold -unique_pins -no_reused_label
       -input_pins -routable_nets -report_unconstrained -no_header -append -return_string
       -warn_on_violation -datasheet -quiet -verbose}
      {-delay_type -max_paths -nworst -path_type -slack_lesser_than -significant_digits -file -name
       -cells -rpx}
      {0 0}
    }
    report_utilization {
      {-append -return_string -hierarchical -hierarchical_percentages -exclude_child_pblocks
       -spreadsheet_table -quiet -verbose}
      {-file -packthru -name -pblocks -cells -hierarchical_depth} {0 0}
    }
    report_route_status {
      {-return_string -append -ignore_cache -show_all -has_routing -boundary_nets -dump_routes
       -quiet -verbose}
      {-of_objects -route_type -list_all_nets -file -max_pins} {0 0}
    }
    report_drc {
      {-upgrade_cw -append -waived -no_waivers -return_string -quiet -verbose}
      {-name -ruledecks -checks -file -rpx} {0 0}
    }
    report_methodology {
      {-append -waived -no_waivers -return_string -quiet -verbose}
      {-name -cells -checks -file -rpx -slack_lesser_than -merge_exceptions} {0 0}
    }
    report_power {
      {-no_propagation -return_string -append -vid -advisory -quiet -verbose}
      {-hier -hierarchical_depth -file -name -format -xpe -l -rpx} {0 0}
    }
    write_checkpoint {{-force -incremental_synth -logic_function_stripped -encrypt -quiet -verbose}
      {-cell -key} {1 1}}
    write_bitstream {
      {-force -verbose -raw_bitfile -no_binary_bitfile -mask_file -readback_file
       -logic_location_file -bin_file -no_partial_bitfile -quiet}
      {-reference_bitfile -cell} {1 1}
    }
  }
  variable directives
  array set directives {
    opt_design {Explore ExploreArea ExploreSequentialArea RuntimeOptimized ExploreWithRemap Default}
    place_design {Explore WLDrivenBlockPlacement EarlyBlockPlacement ExtraNetDelay_high
      ExtraNetDelay_low AltSpreadLogic_high ExtraPostPlacementOpt ExtraTimingOpt RuntimeOptimized
      Quick Default}
    phys_opt_design {Explore ExploreWithHoldFix AggressiveExplore AlternateReplication
      AggressiveFanoutOpt AlternateFlowWithRetiming RuntimeOptimized Default}
    route_design {Explore AggressiveExplore NoTimingRelaxation MoreGlobalIterations
      HigherDelayCost RuntimeOptimized AlternateCLBRouting Quick Default}
  }
  # What must have been done before a command; and what is done after it.
  variable stages {read synthesized optimized placed routed}
  variable stage -1
  variable stage_needed
  array set stage_needed {
    synth_design 0 opt_design 1 place_design 2 phys_opt_design 3 route_design 3
    get_clocks 1 get_pins 0 get_timing_paths 1
    get_cells 1 get_pblocks 1 create_pblock 1 resize_pblock 1 add_cells_to_pblock 1 set_property 1
    report_timing_summary 4 report_utilization 4 report_route_status 4 report_drc 4
    report_methodology 4 report_power 4 write_checkpoint 4 write_bitstream 4
  }
  variable stage_reached
  array set stage_reached {
    read_verilog 0 synth_design 1 opt_design 2 place_design 3 route_design 4
  }
  variable clocks {}
  variable constraint_files {}
  variable parameters {}
  # of each pblock the cells that it has
  variable pblocks [dict create]
  variable repaired 0
  variable record [open $::env(STANDIN_RECORD) a]
  variable fault {}
  if {[info exists ::env(STANDIN_FAULT)]} { set fault $::env(STANDIN_FAULT) }

  proc refuse {text} {
    # Vivado prints the message and makes the command fail with another one.
    puts $text
    error "ERROR: \[Common 17-69\] Command failed: see the console"
  }

  # Checks the words of a command; returns a dictionary of its options and, at {}, the others.
  proc parse {command words} {
    variable grammar
    lassign $grammar($command) flags values limits
    set found [dict create {} {}]
    while {[llength $words]} {
      set words [lassign $words word]
      if {[lsearch -exact $flags $word] >= 0} {
        dict set found $word 1
      } elseif {[lsearch -exact $values $word] >= 0} {
        if {![llength $words]} { refuse "ERROR: \[Common 17-157\] $command: no value for $word" }
        set words [lassign $words value]
        dict lappend found $word $value
      } elseif {[string match -* $word]} {
        refuse "ERROR: \[Common 17-170\] Unknown option '$word', please type '$command -help'"
      } else {
        dict lappend found {} $word
      }
    }
    set count [llength [dict get $found {}]]
    lassign $limits least most
    if {$count < $least || $count > $most} {
      refuse "ERROR: \[Common 17-163\] $command: $count positional arguments"
    }
    return $found
  }

  proc run {command words} {
    variable record
    variable stages
    variable stage
    variable stage_needed
    variable stage_reached
    variable directives
    puts $record [join [linsert $words 0 $command] \x1f]
    flush $record
    set options [parse $command $words]
    if {[info exists stage_needed($command)] && $stage < $stage_needed($command)} {
      refuse "ERROR: \[Common 17-53\] $command: the design is not\
          [lindex $stages $stage_needed($command)] yet"
    }
    if {[dict exists $options -directive]} {
      set directive [lindex [dict get $options -directive] end]
      if {[lsearch -exact $directives($command) $directive] < 0} {
        refuse "ERROR: \[Common 17-155\] $command: no directive $directive"
      }
    }
    set result [::standin::do_$command $options]
    if {[info exists stage_reached($command)] && $stage < $stage_reached($command)} {
      set stage $stage_reached($command)
    }
    return $result
  }

  proc require_files {command paths} {
    foreach path $paths {
      if {![file isfile $path]} {
        refuse "ERROR: \[Common 17-55\] $command: $path does not exist"
      }
    }
  }

  proc option {options name} { return [lindex [dict get $options $name] end] }

  proc do_get_parts {options} {
    variable fault
    if {$fault eq "part"} { return {} }
    return [lindex [dict get $options {}] 0]
  }
  proc do_read_verilog {options} {
    require_files read_verilog [lindex [dict get $options {}] 0]
  }
  proc do_read_xdc {options} {
    variable constraint_files
    require_files read_xdc [lindex [dict get $options {}] 0]
    variable stage
    if {$stage >= 1} {
      foreach path [lindex [dict get $options {}] 0] { uplevel #0 [list source $path] }
      return
    }
    lappend constraint_files {*}[lindex [dict get $options {}] 0]
  }
  proc do_synth_design {options} {
    variable fault
    variable constraint_files
    variable stage
    foreach setting [dict get $options -generic] {
      if {![regexp {^\w+=\d+$} $setting]} { refuse "ERROR: \[Synth 8-1\] bad generic $setting" }
      variable parameters
      lappend parameters {*}[split $setting =]
    }
    if {$fault eq "synthesis"} {
      puts {WARNING: [Synth 8-7080] Parallel synthesis criteria is not met}
      refuse {ERROR: [Synth 8-439] module 'fb_lost' not found [firebrick_engine.sv:1]}
    }
    # Constraints are read when there is a netlist to apply them to.
    set stage 1
    foreach path $constraint_files { uplevel #0 [list source $path] }
  }
  proc do_get_pins {options} {
    set name [lindex [dict get $options {}] 0]
    if {[lsearch -exact $::env(STANDIN_PINS) $name] < 0} {
      puts "CRITICAL WARNING: \[Vivado 12-4739\] No valid object(s) found for '$name'"
      return {}
    }
    return $name
  }
  # The array's elements are the only cells that the constraints name.
  proc do_get_cells {options} {
    variable parameters
    variable pblocks
    variable fault
    if {[dict exists $options -of_objects]} { return [dict get $pblocks [option $options -of_objects]] }
    set found {}
    foreach name [lindex [dict get $options {}] 0] {
      if {$fault ne "renamed" &&
          [regexp {^u_engine/u_array/gen_row\[(\d+)\]\.gen_col\[(\d+)\]\.u_pe$} $name - row column] &&
          $row < [dict get $parameters Pixels] && 2 * $column < [dict get $parameters Channels]} {
        lappend found $name
      } else {
        puts "CRITICAL WARNING: \[Vivado 12-4739\] No valid object(s) found for '$name'"
      }
    }
    return $found
  }
  proc do_create_pblock {options} {
    variable pblocks
    set name [lindex [dict get $options {}] 0]
    if {[dict exists $pblocks $name]} { refuse "ERROR: \[Vivado 12-1\] pblock $name exists" }
    dict set pblocks $name {}
    return $name
  }
  proc do_get_pblocks {options} {
    variable pblocks
    return [dict keys $pblocks [lindex [dict get $options {}] 0]]
  }
  proc do_resize_pblock {options} {
    foreach range [option $options -add] {
      if {![regexp {^(DSP48|SLICE)_X\d+Y\d+:(DSP48|SLICE)_X\d+Y\d+$} $range]} {
        refuse "ERROR: \[Vivado 12-2285\] $range is no range of sites"
      }
    }
  }
  proc do_add_cells_to_pblock {options} {
    variable pblocks
    lassign [dict get $options {}] name cells
    dict lappend pblocks $name {*}$cells
  }
  proc do_set_property {options} {
    if {[lrange [dict get $options {}] 0 1] ne "IS_SOFT TRUE"} {
      refuse "ERROR: \[Common 17-54\] set_property [dict get $options {}]"
    }
  }
  proc do_create_clock {options} {
    variable clocks
    variable fault
    set period [option $options -period]
    if {![string is double -strict $period] || $period <= 0} {
      refuse "ERROR: \[Vivado 12-1\] create_clock: period $period"
    }
    if {[lindex [dict get $options {}] 0] ne "" && $fault ne "clock"} {
      lappend clocks [option $options -name]
    }
  }
  proc do_set_false_path {options} {
    if {[option $options -through] eq ""} {
      puts {CRITICAL WARNING: [Vivado 12-4739] set_false_path: No valid object(s) found}
    }
  }
  proc do_get_clocks {options} {
    variable clocks
    set name [lindex [dict get $options {}] 0]
    return [expr {[lsearch -exact $clocks $name] < 0 ? {} : $name}]
  }
  proc do_opt_design {options} {}
  proc do_place_design {options} {
    variable fault
    if {$fault eq "placement"} {
      refuse {ERROR: [Place 30-640] Place Check : This design requires more DSP48E1 cells than\
          are available}
    }
  }
  proc do_phys_opt_design {options} {
    variable stage
    variable repaired
    if {$stage == 4} { set repaired 1 }
  }
  proc do_route_design {options} {
    variable fault
    if {$fault eq "killed"} {
      puts {Abnormal program termination (11)}
      exit 139
    }
  }
  proc do_get_timing_paths {options} {
    variable fault
    if {$fault eq "unconstrained"} { return {} }
    return [expr {[dict exists $options -hold] ? "hold_path" : "setup_path"}]
  }
  proc do_get_property {options} {
    variable fault
    variable repaired
    lassign [dict get $options {}] name object
    if {$name eq "SLACK"} {
      if {$fault eq "endless"} { return inf }
      if {$object eq "hold_path"} { return [expr {$fault eq "hold" ? -0.041 : 0.052}] }
      if {$fault eq "setup" || ($fault eq "repairable" && !$repaired)} { return -0.512 }
      return 0.318
    }
    set end [string map {_path {}} $object]
    switch $name {
      STARTPOINT_PIN { return u_engine/u_array/${end}_q_reg\[3\]/C }
      ENDPOINT_PIN { return u_engine/u_requant/${end}_q_reg/D }
    }
    refuse "ERROR: \[Common 17-54\] no property $name"
  }
  proc write_file {command options} {
    set file [open [option $options -file] w]
    puts $file "$command of the stand-in"
    close $file
  }
  foreach command {timing_summary utilization route_status drc methodology power} {
    proc do_report_$command {options} [list write_file report_$command]\ \$options
  }
  proc do_write_checkpoint {options} {
    close [open [lindex [dict get $options {}] 0] w]
  }
  proc do_write_bitstream {options} {
    variable fault
    set path [lindex [dict get $options {}] 0]
    if {[file extension $path] ne ".bit"} { refuse "ERROR: \[Common 17-165\] $path: no .bit" }
    if {$fault eq "drc"} {
      close [open $path w]
      refuse {ERROR: [DRC NSTD-1] Unspecified I/O Standard}
    }
    if {$fault eq "nothing"} return
    file copy -force $::env(STANDIN_BIT) $path
  }

  foreach command [array names grammar] {
    proc ::$command {args} "::standin::run $command \$args"
  }
}
