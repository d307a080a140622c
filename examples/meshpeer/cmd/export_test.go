package cmd

var Called = called
