// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {Registry} from "../src/Registry.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// What can be proposed, when it is voted on, and that nobody goes around the vote.
contract AssetGovernorTest is GrantsFixture {
    function isNow(uint256 proposal, IGovernor.ProposalState expected, string memory what) private view {
        vm.assertEq(uint256(governor.state(proposal)), uint256(expected), what);
    }

    function unexpected(uint256 proposal, IGovernor.ProposalState state, IGovernor.ProposalState wanted)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IGovernor.GovernorUnexpectedProposalState.selector, proposal, state, bytes32(1 << uint8(wanted))
        );
    }

    function notAllowed(address target, bytes4 selector) private pure returns (bytes memory) {
        return abi.encodeWithSelector(AssetGovernor.ActionNotAllowed.selector, target, selector);
    }

    /// By the owner of most shares, who could propose whatever can be proposed.
    function refusesProposal(Action memory a, bytes memory why) private {
        vm.prank(owner(3));
        refuses(address(governor), proposeCall(a), why);
    }

    // What can be proposed

    function test_AnybodyProposesABuyersRequest() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        uint256 proposal = propose(a, stranger);
        vm.assertEq(proposal, proposalOf(a), "identifier");
        vm.assertEq(governor.requestProposal(id), proposal, "known beforehand");
        vm.assertEq(governor.proposalProposer(proposal), stranger, "proposer");
        isNow(proposal, IGovernor.ProposalState.Active, "active");
    }

    function refusesAction(address target, bytes memory data) private {
        refusesProposal(actionOf(target, data, "Do it"), notAllowed(target, bytes4(data)));
    }

    function test_OnlyWhatIsOnTheListIsVotedOn() public {
        bytes32 id = ask(termsOf("one"));
        address me = owner(3);
        (address g, address r, address gov, address tl) =
            (address(grants), address(registry), address(governor), address(timelock));
        refusesAction(g, abi.encodeCall(grants.refund, (id)));
        refusesAction(g, abi.encodeCall(grants.takeSnapshot, ()));
        refusesAction(g, abi.encodeCall(grants.payCredit, (me)));
        refusesAction(g, resultCall(runnerKeys[0], id, 1));
        refusesAction(g, abi.encodeCall(registry.setRunners, (new address[](0))));
        refusesAction(r, abi.encodeCall(grants.approve, (id)));
        refusesAction(r, abi.encodeCall(registry.handOver, ()));
        refusesAction(g, abi.encodeCall(registry.setVerifiers, (new address[](1), new bytes32[](1), 1)));
        refusesAction(g, abi.encodeCall(registry.setPolicy, ("mine")));
        AssetGovernor.Governance memory s = governance();
        refusesAction(r, abi.encodeCall(governor.setRules, (s.query, s.copy, s.constitution)));
        refusesAction(r, abi.encodeCall(registry.pause, ()));
        bytes memory one = hex"01";
        bytes32[] memory none = new bytes32[](0);
        refusesAction(
            r, abi.encodeCall(registry.changeGuardians, (new address[](1), none, none, 1, "mine", new bytes[](1)))
        );
        refusesAction(r, bytes.concat(abi.encodeCall(registry.pauseUntil, (0)), one));
        refusesAction(r, abi.encodePacked(registry.pauseUntil.selector, bytes31(0)));
        refusesAction(g, abi.encodeCall(registry.inviteGuardians, (new address[](0), 0)));
        refusesAction(g, abi.encodeCall(registry.pauseUntil, (0)));
        refusesAction(gov, abi.encodeCall(governor.relay, (address(dollar), 0, "")));
        refusesAction(gov, abi.encodeCall(governor.setLateQuorumVoteExtension, (0)));
        refusesAction(gov, abi.encodeWithSignature("updateTimelock(address)", me));
        refusesAction(tl, abi.encodeCall(timelock.grantRole, (bytes32(0), me)));
        refusesAction(tl, abi.encodeCall(timelock.updateDelay, (0)));
        refusesAction(tl, abi.encodeCall(timelock.setNextDelay, (1)));
        refusesAction(address(token), abi.encodeCall(token.transfer, (me, 1)));
        refusesAction(address(ledger), abi.encodeCall(ledger.withdraw, (me, "salt", 0, "")));
        // Of the payment token the treasury's payments alone, of the stakes the appeals.
        refusesAction(address(dollar), abi.encodeCall(dollar.approve, (me, 1)));
        refusesAction(address(dollar), abi.encodeCall(dollar.transferFrom, (address(stakes), me, 1)));
        refusesAction(address(stakes), abi.encodeCall(stakes.slash, (me, me, 1)));
        refusesAction(address(stakes), abi.encodeCall(stakes.pay, (0)));
        refusesAction(g, abi.encodeCall(grants.settle, (id)));
        refusesAction(r, abi.encodeCall(grants.setCharter, (charter())));
        refusesAction(me, "");
        refusesProposal(actionOf(g, hex"8f6e", "Do it"), notAllowed(g, 0));
    }

    function test_ProposalIsExactlyOneActionWithoutMoney() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        a.values[0] = 1;
        refusesProposal(a, notAllowed(address(0), 0));
        a = approvalOf(id);
        a.values = new uint256[](2);
        refusesProposal(a, notAllowed(address(0), 0));
        a = approvalOf(id);
        a.calldatas = new bytes[](0);
        refusesProposal(a, notAllowed(address(0), 0));
        a = approvalOf(id);
        a.targets = new address[](2);
        refusesProposal(a, notAllowed(address(0), 0));
        (a.targets, a.values, a.calldatas) = (new address[](0), new uint256[](0), new bytes[](0));
        refusesProposal(a, notAllowed(address(0), 0));
        // An allowed action and another behind it.
        (a.targets, a.values, a.calldatas) = (new address[](2), new uint256[](2), new bytes[](2));
        (a.targets[0], a.targets[1]) = (address(grants), address(timelock));
        a.calldatas[0] = abi.encodeCall(grants.approve, (id));
        a.calldatas[1] = abi.encodeCall(timelock.updateDelay, (0));
        refusesProposal(a, notAllowed(address(0), 0));
    }

    function test_ArgumentHasNothingBehindItAndNothingMissing() public {
        bytes32 id = ask(termsOf("one"));
        bytes4[2] memory selectors = [Grants.approve.selector, Grants.revoke.selector];
        for (uint256 i = 0; i < 2; i++) {
            Action memory a = approvalOf(id);
            a.calldatas[0] = abi.encodePacked(selectors[i], id, hex"00");
            refusesProposal(a, notAllowed(address(grants), selectors[i]));
            a.calldatas[0] = abi.encodePacked(selectors[i], id, bytes32(0));
            refusesProposal(a, notAllowed(address(grants), selectors[i]));
            a.calldatas[0] = abi.encodePacked(selectors[i], bytes31(id));
            refusesProposal(a, notAllowed(address(grants), selectors[i]));
        }
    }

    function test_OnARequestThereIsOneProposal() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        a.description = string.concat(a.description, " ");
        refusesProposal(a, abi.encodeWithSelector(AssetGovernor.OtherDescription.selector));
        a.description = "";
        refusesProposal(a, abi.encodeWithSelector(AssetGovernor.OtherDescription.selector));
        a = approvalOf(id);
        uint256 proposal = propose(a, stranger);
        bytes memory again = abi.encodeWithSelector(
            IGovernor.GovernorUnexpectedProposalState.selector, proposal, IGovernor.ProposalState.Active, bytes32(0)
        );
        refusesProposal(a, again);
        // Not even after it failed: the buyer gets the money back and asks anew.
        vm.warp(governor.proposalDeadline(proposal) + 1);
        isNow(proposal, IGovernor.ProposalState.Defeated, "failed");
        (bool ok,) = address(governor).call(proposeCall(a));
        vm.assertTrue(!ok, "still one");
    }

    function test_OnlyARequestThatWaitsForAVoteIsProposed() public {
        bytes32 id = idOf(termsOf("one"));
        refusesProposal(approvalOf(id), wrongState(id, Grants.State.None));
        Grants.Terms memory t = termsOf("one");
        ask(t);
        vm.warp(t.expiry + 1);
        grants.refund(id);
        refusesProposal(approvalOf(id), wrongState(id, Grants.State.Refunded));
    }

    function test_DescriptionIsBounded() public {
        Action memory a = revocationOf("id");
        a.description = string(new bytes(4097));
        refusesProposal(a, abi.encodeWithSelector(AssetGovernor.DescriptionTooLong.selector, 4097));
        a.description = string(new bytes(4096));
        propose(a, owner(3));
    }

    function test_WhateverIsNoRequestTakesVotesToPropose() public {
        // One share is the threshold of the lightest class, two that of the constitution; owner 0 has one.
        propose(revocationOf("one"), owner(0));
        Action[5] memory heavy = constitutional();
        for (uint256 i = 0; i < heavy.length; i++) {
            bytes memory one =
                abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, owner(0), 1e18, 2e18);
            vm.prank(owner(0));
            refuses(address(governor), proposeCall(heavy[i]), one);
            propose(heavy[i], owner(1));
        }
        bytes memory tooFew =
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, stranger, 0, 1e18);
        vm.prank(stranger);
        refuses(address(governor), proposeCall(revocationOf("two")), tooFew);
        Action memory a = actionOf(address(registry), abi.encodeCall(Registry.pauseUntil, (DEADLINE)), "Nothing");
        vm.prank(stranger);
        refuses(address(governor), proposeCall(a), tooFew);
        vm.prank(owner(0));
        token.transfer(stranger, 1e18);
        // Shares of this very second do not count.
        vm.prank(stranger);
        refuses(address(governor), proposeCall(a), tooFew);
        skip(1);
        propose(a, stranger);
        vm.prank(owner(0));
        refuses(
            address(governor),
            proposeCall(revocationOf("two")),
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, owner(0), 0, 1e18)
        );
    }

    function test_OwnersNameTheRunners() public {
        address[] memory runners = new address[](1);
        runners[0] = member(0);
        carryOut(runnersAction(runners));
        vm.assertTrue(registry.isRunner(member(0)), "the new is in");
        vm.assertTrue(!registry.isRunner(runner(0)) && !registry.isRunner(runner(1)), "the old are out");
    }

    /// One of each kind that changes the constitution.
    function constitutional() private view returns (Action[5] memory) {
        address r = address(registry);
        return [
            runnersAction(new address[](0)),
            actionOf(r, abi.encodeCall(Registry.inviteGuardians, (new address[](0), 0)), "Nobody"),
            actionOf(r, abi.encodeCall(Registry.setVerifiers, (new address[](1), new bytes32[](1), 1)), "Others"),
            actionOf(r, abi.encodeCall(Registry.setPolicy, ("mine")), "Another policy"),
            rulesAction(governance())
        ];
    }

    function test_OwnersInviteGuardiansAndPause() public {
        address[] memory guardians = addressesOf(sortedKeys("guardian", 5));
        carryOut(actionOf(address(registry), abi.encodeCall(Registry.inviteGuardians, (guardians, 3)), "Other guardians"));
        (address[] memory invited, uint32 threshold) = registry.invitation();
        vm.assertEq(keccak256(abi.encode(invited)), keccak256(abi.encode(guardians)), "invited");
        vm.assertEq(threshold, 3, "threshold");
        carryOut(actionOf(address(registry), abi.encodeCall(Registry.pauseUntil, (DEADLINE)), "Nothing for a year"));
        vm.assertEq(registry.pausedUntil(), DEADLINE, "paused");
        carryOut(actionOf(address(registry), abi.encodeCall(Registry.pauseUntil, (0)), "Go on"));
        vm.assertEq(registry.pausedUntil(), 0, "lifted");
    }

    function test_NoProposalsBeforeThereAreEnoughOwners() public {
        AssetFactory.AssetParams memory p = params("few");
        p.governance.minimumOwners = 5;
        useAsset(p);
        grow();
        bytes memory notMature = abi.encodeWithSelector(AssetGovernor.NotMature.selector);
        refusesProposal(revocationOf("one"), notMature);
        vm.prank(owner(3));
        token.transfer(stranger, 1);
        propose(revocationOf("one"), owner(3));
        // And no more when an owner leaves.
        vm.prank(stranger);
        token.transfer(owner(3), 1);
        refusesProposal(revocationOf("two"), notMature);
    }

    function test_NoProposalsBeforeTheAssetIsOldEnough() public {
        AssetFactory.AssetParams memory p = params("young");
        p.governance.minimumAge = 7 days;
        useAsset(p);
        uint256 mature = vm.getBlockTimestamp() + 7 days;
        grow();
        vm.assertEq(governor.matureAt(), mature, "time");
        vm.warp(mature - 1);
        refusesProposal(revocationOf("one"), abi.encodeWithSelector(AssetGovernor.NotMature.selector));
        vm.warp(mature);
        propose(revocationOf("one"), owner(3));
    }

    // Around the vote

    function test_NobodyCancels() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        uint256 proposal = propose(a, owner(3));
        address[5] memory all = [owner(3), buyer, founder, stranger, address(timelock)];
        bytes memory cancel = abi.encodeWithSignature(
            "cancel(address[],uint256[],bytes[],bytes32)",
            a.targets,
            a.values,
            a.calldatas,
            keccak256(bytes(a.description))
        );
        for (uint256 step = 0; step < 3; step++) {
            for (uint256 i = 0; i < all.length; i++) {
                vm.prank(all[i]);
                refuses(
                    address(governor),
                    cancel,
                    abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, proposal, all[i])
                );
            }
            if (step == 0) {
                vote(proposal, 3, FOR);
                vm.warp(governor.proposalDeadline(proposal) + 1);
            } else if (step == 1) {
                queue(a);
            }
        }
        bytes32 salt = bytes20(address(governor)) ^ keccak256(bytes(a.description));
        bytes32 operation = timelock.hashOperationBatch(a.targets, a.values, a.calldatas, 0, salt);
        vm.assertTrue(timelock.isOperationPending(operation), "it waits in the timelock");
        for (uint256 i = 0; i < all.length; i++) {
            bytes memory why = abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, all[i], keccak256("CANCELLER_ROLE")
            );
            vm.prank(all[i]);
            refuses(address(timelock), abi.encodeCall(timelock.cancel, (operation)), why);
        }
    }

    function test_TimelockTakesFromTheGovernorOnlyAndHasNoAdministrator() public {
        Action memory a = approvalOf(ask(termsOf("one")));
        address[4] memory all = [owner(3), founder, stranger, address(factory)];
        vm.assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), address(governor)), "the governor proposes");
        vm.assertTrue(!timelock.hasRole(0, address(governor)), "and is no administrator");
        vm.assertTrue(!timelock.hasRole(timelock.PROPOSER_ROLE(), address(0)), "not everybody proposes");
        vm.assertTrue(!timelock.hasRole(timelock.CANCELLER_ROLE(), address(0)), "nor cancels");
        vm.assertTrue(!timelock.hasRole(0, address(0)), "nor administers");
        for (uint256 i = 0; i < all.length; i++) {
            vm.assertTrue(!timelock.hasRole(0, all[i]), "no administrator");
            vm.prank(all[i]);
            refuses(
                address(timelock),
                abi.encodeCall(timelock.scheduleBatch, (a.targets, a.values, a.calldatas, 0, 0, 5)),
                abi.encodeWithSelector(
                    IAccessControl.AccessControlUnauthorizedAccount.selector, all[i], keccak256("PROPOSER_ROLE")
                )
            );
            vm.prank(all[i]);
            refuses(
                address(timelock),
                abi.encodeCall(timelock.setNextDelay, (1)),
                abi.encodeWithSelector(
                    IAccessControl.AccessControlUnauthorizedAccount.selector, all[i], keccak256("PROPOSER_ROLE")
                )
            );
            vm.prank(all[i]);
            refuses(
                address(timelock),
                abi.encodeCall(timelock.grantRole, (keccak256("PROPOSER_ROLE"), all[i])),
                abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, all[i], bytes32(0))
            );
            vm.prank(all[i]);
            refuses(
                address(timelock),
                abi.encodeCall(timelock.updateDelay, (0)),
                abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, all[i])
            );
        }
    }

    function test_SettingsChangeByNobody() public {
        AssetGovernor.Governance memory s = governance();
        bytes[4] memory calls = [
            abi.encodeCall(governor.relay, (address(dollar), 0, "")),
            abi.encodeCall(governor.setRules, (s.query, s.copy, s.constitution)),
            abi.encodeCall(governor.setLateQuorumVoteExtension, (0)),
            abi.encodeWithSignature("updateTimelock(address)", stranger)
        ];
        address[3] memory all = [stranger, founder, owner(3)];
        for (uint256 i = 0; i < calls.length; i++) {
            for (uint256 j = 0; j < all.length; j++) {
                vm.prank(all[j]);
                refuses(
                    address(governor),
                    calls[i],
                    abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, all[j])
                );
            }
        }
    }

    // Times

    function test_VoteOpensWithTheProposalAndClosesWithThePeriod() public {
        Action memory a = approvalOf(ask(termsOf("one")));
        uint256 proposal = propose(a, stranger);
        uint256 start = vm.getBlockTimestamp();
        vm.assertEq(governor.proposalSnapshot(proposal), start - 1, "snapshot");
        vm.assertEq(governor.proposalDeadline(proposal), start + 100, "deadline");
        vote(proposal, 3, FOR);
        vm.warp(start + 100);
        vote(proposal, 0, AGAINST);
        refuses(
            address(governor),
            queueCall(a),
            unexpected(proposal, IGovernor.ProposalState.Active, IGovernor.ProposalState.Succeeded)
        );
        vm.warp(start + 101);
        vm.prank(owner(1));
        refuses(
            address(governor),
            castCall(proposal, FOR),
            unexpected(proposal, IGovernor.ProposalState.Succeeded, IGovernor.ProposalState.Active)
        );
        queue(a);
        vm.warp(start + 105);
        (bool ok, bytes memory why) = address(governor).call(executeCall(a));
        vm.assertTrue(
            !ok && bytes4(why) == TimelockController.TimelockUnexpectedOperationState.selector, "the timelock holds it"
        );
        vm.warp(start + 106);
        execute(a);
        isNow(proposal, IGovernor.ProposalState.Executed, "executed");
    }

    function test_AnybodyTakesADecisionOutOfTheTimelock() public {
        bytes32 id = ask(termsOf("one"));
        Action memory a = approvalOf(id);
        uint256 proposal = decide(a, FOR);
        vm.prank(stranger);
        queue(a);
        skip(5);
        bytes32 salt = bytes20(address(governor)) ^ keccak256(bytes(a.description));
        vm.prank(stranger);
        timelock.executeBatch(a.targets, a.values, a.calldatas, 0, salt);
        isIn(id, Grants.State.Approved, "approved");
        isNow(proposal, IGovernor.ProposalState.Executed, "the governor knows");
    }

    function test_LateQuorumExtendsTheVote() public {
        uint256 proposal = propose(approvalOf(ask(termsOf("one"))), stranger);
        uint256 end = governor.proposalDeadline(proposal);
        vm.warp(end);
        vote(proposal, 3, FOR);
        vm.assertEq(governor.proposalDeadline(proposal), end + 10, "extended");
        vm.warp(end + 10);
        vote(proposal, 2, AGAINST);
        vm.assertEq(governor.proposalDeadline(proposal), end + 10, "once only");
        uint256 early = propose(approvalOf(ask(termsOf("two"))), stranger);
        vote(early, 3, FOR);
        vm.assertEq(
            governor.proposalDeadline(early), vm.getBlockTimestamp() + 100, "an early one extends nothing"
        );
    }
}
