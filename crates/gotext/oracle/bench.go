package main

func bench(*settings, *report) {}
